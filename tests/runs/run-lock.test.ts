import { spawn } from "node:child_process";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { RunFolder, writerOf } from "../../src/runs/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const NAME = ".vqkit.lock";

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
  const lock = await RunFolder.lock(join(dir, "run"));
  const owner = JSON.parse(await readFile(lock.path, "utf8")) as object;
  expect(owner).toMatchObject({ pid: process.pid, host: hostname() });
  expect(await readdir(join(dir, "run"))).toEqual([NAME]);
  lock.release();
  expect(await readdir(join(dir, "run"))).toEqual([]);
  const next = await RunFolder.lock(join(dir, "run"));
  lock.release();
  expect(await readdir(join(dir, "run"))).toEqual([NAME]);
  next.release();
});

it("is refused while this process has it", async () => {
  const dir = await temporaryFolder();
  const lock = await RunFolder.lock(dir);
  await expect(RunFolder.lock(dir)).rejects.toMatchObject({
    code: "run",
    message: expect.stringContaining(`process ${process.pid} on ${hostname()}`),
  });
  lock.release();
});

it("is given to one of many who ask at once, also where a stale one stands", async () => {
  const dir = await locked({ pid: await endedProcess(), host: hostname(), started: "1" });
  const asked = await Promise.allSettled(Array.from({ length: 8 }, () => RunFolder.lock(dir)));
  const given = asked.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  expect(given).toHaveLength(1);
  expect(await readdir(dir)).toEqual([NAME]);
  given[0]?.release();
});

it("of a process that has ended is taken over", async () => {
  const dir = await locked({ pid: await endedProcess(), host: hostname(), started: null });
  (await RunFolder.lock(dir)).release();
});

it("of a killed process with this process's number is taken over: containers give the same numbers again", async () => {
  const dir = await locked({ pid: process.pid, host: hostname(), started: "1" });
  (await RunFolder.lock(dir)).release();
});

it.skipIf(process.platform !== "linux")(
  "of a younger process with the same number is taken over",
  async () => {
    const dir = await locked({ pid: process.ppid, host: hostname(), started: "1" });
    (await RunFolder.lock(dir)).release();
  },
);

it.each([
  ["a live process", { pid: process.ppid, host: hostname(), started: null }],
  ["a process of another machine", { pid: 1, host: "elsewhere", started: null }],
  ["nobody known", "not JSON"],
])("of %s stands, and the message says which file to remove", async (_, owner) => {
  const dir = await locked(owner);
  const before = await readFile(join(dir, NAME), "utf8");
  await expect(RunFolder.lock(dir)).rejects.toMatchObject({
    code: "run",
    message: expect.stringContaining(join(dir, NAME)),
  });
  expect(await readFile(join(dir, NAME), "utf8")).toBe(before);
});

it("says who is writing a run", async () => {
  const dir = await temporaryFolder();
  expect(await writerOf(dir)).toBeUndefined();
  const lock = await RunFolder.lock(dir);
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
