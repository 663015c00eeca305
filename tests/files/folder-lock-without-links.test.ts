/** File systems without hard links: FAT on a stick, many network shares. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it, vi } from "vitest";
import { FolderLock, LOCK_NAME as NAME } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

const answer = vi.hoisted(() => ({ code: "" }));
vi.mock("node:fs/promises", async (original) => ({
  ...(await original<typeof import("node:fs/promises")>()),
  link: async () => {
    throw Object.assign(new Error(`${answer.code}: cannot link, link`), { code: answer.code });
  },
}));

beforeEach(() => {
  answer.code = "EPERM";
});

it.each(["EPERM", "ENOTSUP", "ENOSYS"])(
  "a folder is locked where a link is answered with %s",
  async (code) => {
    answer.code = code;
    const dir = await temporaryFolder();
    const lock = await FolderLock.acquire(dir);
    expect(JSON.parse(await readFile(join(dir, NAME), "utf8"))).toMatchObject({ pid: process.pid });
    await expect(FolderLock.acquire(dir)).rejects.toMatchObject({ code: "locked" });
    expect(await readdir(dir)).toEqual([NAME]);
    lock.release();
    expect(await readdir(dir)).toEqual([]);
  },
);

it("one of many who ask at once gets it, also where a stale one stands", async () => {
  const dir = await temporaryFolder();
  await writeFile(join(dir, NAME), JSON.stringify({ pid: process.pid, host: hostname(), started: "1" }));
  const asked = await Promise.allSettled(Array.from({ length: 8 }, () => FolderLock.acquire(dir)));
  const given = asked.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  expect(given).toHaveLength(1);
  expect(await readdir(dir)).toEqual([NAME]);
  given[0]?.release();
});

it("a disk that is full is another matter", async () => {
  answer.code = "ENOSPC";
  const dir = await temporaryFolder();
  await expect(FolderLock.acquire(dir)).rejects.toMatchObject({
    code: "file",
    message: expect.stringContaining("could not make the lock (ENOSPC"),
  });
  expect(await readdir(dir)).toEqual([]);
});
