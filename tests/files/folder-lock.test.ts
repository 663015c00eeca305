import { spawn } from "node:child_process";
import { mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { FolderLock, LOCK_NAME as NAME, writerOf } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

async function locked(owner: unknown): Promise<string> {
  const dir = await temporaryFolder();
  await writeFile(join(dir, NAME), typeof owner === "string" ? owner : JSON.stringify(owner));
  return dir;
}

/** The number of a process that has ended. */
async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await new Promise((done) => child.on("close", done));
  return child.pid as number;
}

it("is a file that names its owner, and is gone after release; a second release touches nothing", async () => {
  const dir = await temporaryFolder();
  const lock = await FolderLock.acquire(join(dir, "run"));
  const owner = JSON.parse(await readFile(join(dir, "run", NAME), "utf8")) as object;
  expect(owner).toMatchObject({ pid: process.pid, host: hostname() });
  expect(await readdir(join(dir, "run"))).toEqual([NAME]);
  lock.release();
  expect(await readdir(dir)).toEqual([]); // the folder was made for the lock
  const next = await FolderLock.acquire(join(dir, "run"));
  lock.release();
  expect(await readdir(join(dir, "run"))).toEqual([NAME]);
  next.release();
});

it("is refused while this process has it", async () => {
  const dir = await temporaryFolder();
  const lock = await FolderLock.acquire(dir);
  await expect(FolderLock.acquire(dir)).rejects.toMatchObject({
    code: "locked",
    message: expect.stringContaining(`process ${process.pid} on ${hostname()}`),
  });
  lock.release();
});

it("is given to one of many who ask at once, also where a stale one stands", async () => {
  const dir = await locked({ pid: await endedProcess(), host: hostname(), started: "1" });
  const asked = await Promise.allSettled(Array.from({ length: 8 }, () => FolderLock.acquire(dir)));
  const given = asked.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  expect(given).toHaveLength(1);
  expect(await readdir(dir)).toEqual([NAME]);
  given[0]?.release();
});

it("of a process that has ended is taken over", async () => {
  const dir = await locked({ pid: await endedProcess(), host: hostname(), started: null });
  (await FolderLock.acquire(dir)).release();
});

it("of a killed process with this process's number is taken over: containers give the same numbers again", async () => {
  const dir = await locked({ pid: process.pid, host: hostname(), started: "1" });
  (await FolderLock.acquire(dir)).release();
});

it.skipIf(process.platform !== "linux")(
  "of a younger process with the same number is taken over",
  async () => {
    const dir = await locked({ pid: process.ppid, host: hostname(), started: "1" });
    (await FolderLock.acquire(dir)).release();
  },
);

it.each([
  ["a live process", { pid: process.ppid, host: hostname(), started: null }],
  ["a process of another machine", { pid: 1, host: "elsewhere", started: null }],
  ["nobody known", "not JSON"],
])("of %s stands, and the message says which file to remove", async (_, owner) => {
  const dir = await locked(owner);
  const before = await readFile(join(dir, NAME), "utf8");
  await expect(FolderLock.acquire(dir)).rejects.toMatchObject({
    code: "locked",
    message: expect.stringContaining(join(dir, NAME)),
  });
  expect(await readFile(join(dir, NAME), "utf8")).toBe(before);
});

it("says who is writing a run", async () => {
  const dir = await temporaryFolder();
  expect(await writerOf(dir)).toBeUndefined();
  const lock = await FolderLock.acquire(dir);
  expect(await writerOf(dir)).toEqual({ pid: process.pid, host: hostname() });
  lock.release();
  expect(await writerOf(dir)).toBeUndefined();
});

it.each([
  [
    "a process of another machine",
    { pid: 7, host: "elsewhere", started: null },
    { pid: 7, host: "elsewhere" },
  ],
  ["what is no lock", "not JSON", undefined],
])("reads a lock of %s", async (_, owner, writer) => {
  expect(await writerOf(await locked(owner))).toEqual(writer);
});

it("knows that a writer has ended, and refuses a lock of any length", async () => {
  const ended = { pid: await endedProcess(), host: hostname(), started: null };
  expect(await writerOf(await locked(ended))).toBeUndefined();
  await expect(writerOf(await locked("x".repeat(5000)))).rejects.toMatchObject({ code: "format" });
});

describe("by whatever spelling of its path, a folder has one lock:", () => {
  const spellings: readonly [string, (dir: string) => Promise<string>][] = [
    ["from where the program runs", async (dir) => relative(process.cwd(), dir)],
    ["with detours", async (dir) => `${dir}/../${dir.split("/").at(-1)}/./`],
    [
      "through a link",
      async (dir) => {
        await symlink(dir, `${dir}-link`);
        return `${dir}-link`;
      },
    ],
    [
      "through a link to the folder above",
      async (dir) => {
        await symlink(join(dir, ".."), `${dir}-above`);
        return join(`${dir}-above`, dir.split("/").at(-1) ?? "");
      },
    ],
  ];

  it.each(spellings)("%s", async (_, spell) => {
    const dir = join(await temporaryFolder(), "codes");
    await mkdir(dir);
    const other = await spell(dir);
    const lock = await FolderLock.acquire(dir);
    await expect(FolderLock.acquire(other)).rejects.toMatchObject({
      code: "locked",
      message: expect.stringMatching(`locked by process ${process.pid} on .+ remove .*\\${NAME}\\.$`),
    });
    expect(await writerOf(other)).toEqual({ pid: process.pid, host: hostname() });
    expect(await readdir(dir)).toEqual([NAME]);
    lock.release();
    expect(await readdir(dir)).toEqual([]);
    const next = await FolderLock.acquire(other);
    await expect(FolderLock.acquire(dir)).rejects.toMatchObject({ code: "locked" });
    lock.release(); // it has been released: the other's lock stands
    expect(await readdir(dir)).toEqual([NAME]);
    next.release();
  });
});

it("goes with its folder: one made in the place of a removed one is free", async () => {
  const dir = join(await temporaryFolder(), "run");
  for (let i = 0; i < 3; i++) {
    const lost = await FolderLock.acquire(dir);
    await rm(dir, { recursive: true });
    // Some file systems give the new folder the identity of the old one.
    const lock = await FolderLock.acquire(dir);
    lost.release();
    expect(await readdir(dir)).toEqual([NAME]);
    await expect(FolderLock.acquire(dir)).rejects.toMatchObject({ code: "locked" });
    lock.release();
    expect(await readdir(join(dir, ".."))).toEqual([]);
  }
});

it("leaves alone what came into a folder that was made for it", async () => {
  const dir = join(await temporaryFolder(), "run");
  const lock = await FolderLock.acquire(dir);
  await writeFile(join(dir, "a.txt"), "a");
  lock.release();
  expect(await readdir(dir)).toEqual(["a.txt"]);
});

describe.skipIf(process.platform !== "linux")("where processes say when they started", () => {
  const startOf = async (pid: number): Promise<string> => {
    const stat = await readFile(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] as string;
  };

  it("a lock of another thread of this process stands", async () => {
    const started = await startOf(process.pid);
    const dir = await locked({ pid: process.pid, host: hostname(), started });
    await expect(FolderLock.acquire(dir)).rejects.toMatchObject({ code: "locked" });
    expect(await writerOf(dir)).toMatchObject({ pid: process.pid });
  });

  it("one of a process that was killed, and whose parent has not asked, is taken over", async () => {
    // The shell becomes a program that asks after no child, so the killed one stays in the table of processes.
    const parent = spawn("sh", ["-c", "sleep 60 & echo $!; exec sleep 60"]);
    try {
      const pid = Number(
        await new Promise((told) => parent.stdout.once("data", (text) => told(String(text)))),
      );
      const dir = await locked({ pid, host: hostname(), started: await startOf(pid) });
      await expect(FolderLock.acquire(dir)).rejects.toMatchObject({ code: "locked" });
      process.kill(pid, "SIGKILL");
      const state = async () => (await readFile(`/proc/${pid}/stat`, "latin1")).split(") ")[1]?.[0];
      await expect.poll(state).toBe("Z");
      (await FolderLock.acquire(dir)).release();
    } finally {
      parent.kill("SIGKILL");
    }
  });
});
