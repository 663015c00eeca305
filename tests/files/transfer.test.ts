import { readdirSync, readFileSync } from "node:fs";
import { mkdtemp, open, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { readFully, readWhole, writeFully } from "../../src/files/index.js";

const folder = await mkdtemp(join(tmpdir(), "vqkit-transfer-"));
afterAll(() => rm(folder, { recursive: true, force: true }));

type Call = readonly [at: number, length: number, position: number | null];
type Read = Parameters<typeof readFully>[0]["read"];
type Write = Parameters<typeof writeFully>[0]["write"];

/** A file of `size` bytes that moves at most `most` of them a call and only notes down what it was asked for. */
function noting(size: number, most: number) {
  const calls: Call[] = [];
  const move = (at: number, length: number, position: number | null) => {
    calls.push([at, length, position]);
    return Math.max(0, Math.min(length, most, size - (position ?? 0)));
  };
  const read = async (_: unknown, at: number, length: number, position: number) => ({
    bytesRead: move(at, length, position),
  });
  const write = async (_: unknown, at: number, length: number, position: number | null) => ({
    bytesWritten: move(at, length, position),
  });
  return { calls, file: { read: read as unknown as Read, write: write as unknown as Write } };
}

const GiB = 2 ** 30;
/** Nothing touches its pages, so it takes no memory. */
const large = new Uint8Array(2.5 * GiB);

describe("readFully and writeFully", () => {
  it("ask for 1 GiB a call at most", async () => {
    const { calls, file } = noting(100 * GiB, Number.POSITIVE_INFINITY);
    expect(await readFully(file, large, 7)).toBe(large.length);
    const parts = [
      [0, GiB, 7],
      [GiB, GiB, 7 + GiB],
      [2 * GiB, GiB / 2, 7 + 2 * GiB],
    ];
    expect(calls).toEqual(parts);
    calls.length = 0;
    await writeFully(file, large, 7);
    expect(calls).toEqual(parts);
  });

  it("go on where the system moved less than it was asked for", async () => {
    const linux = noting(100 * GiB, 0x7ffff000 - GiB - 1);
    expect(await readFully(linux.file, large, 0)).toBe(large.length);
    expect(Math.max(...linux.calls.map(([, length]) => length))).toBe(GiB);
    const slow = noting(99, 4);
    await writeFully(slow.file, new Uint8Array(10));
    // Without a position, the handle's own.
    expect(slow.calls).toEqual([
      [0, 10, null],
      [4, 6, null],
      [8, 2, null],
    ]);
  });

  it("say how much there was, and end where nothing is written", async () => {
    expect(await readFully(noting(11, 4).file, new Uint8Array(20), 2)).toBe(9);
    await expect(writeFully(noting(0, 4).file, new Uint8Array(3), 0)).rejects.toMatchObject({ code: "EIO" });
  });

  it("move the bytes of a file", async () => {
    const path = join(folder, "a");
    const file = await open(path, "w+");
    try {
      await writeFully(file, Uint8Array.of(1, 2, 3, 4, 5), 2);
      await writeFully(file, Uint8Array.of(9));
      const into = new Uint8Array(4);
      expect([await readFully(file, into, 4), [...into]]).toEqual([3, [3, 4, 5, 0]]);
    } finally {
      await file.close();
    }
    expect([...(await readFile(path))]).toEqual([9, 0, 1, 2, 3, 4, 5]);
  });
});

it("a file over 2 GiB is refused by its size before any of it is read", async () => {
  const path = join(folder, "sparse");
  await (await open(path, "w")).close();
  await truncate(path, 2 ** 31 + 5);
  await expect(readWhole(path, 2 ** 28)).rejects.toMatchObject({
    code: "format",
    message: `${path}: expected at most 268435456 bytes, got 2147483653.`,
  });
});

it("no other place moves bytes of a file by a handle of its own", () => {
  const root = resolve(import.meta.dirname, "../..");
  const files = ["src", "cli"].flatMap((name) =>
    readdirSync(join(root, name), { recursive: true, encoding: "utf8" }).map((file) => join(name, file)),
  );
  const users = files.filter(
    (file) =>
      file.endsWith(".ts") &&
      /bytesRead|bytesWritten|\breadSync\(\w*fd/.test(readFileSync(join(root, file), "utf8")),
  );
  // read-file.ts has the same limit, without promises: see there. A stream says how far it has read.
  expect(users.sort()).toEqual([
    "src/data/read-file.ts",
    "src/data/sources/shard-stream.ts",
    "src/data/sources/tar-shard.ts",
    "src/files/transfer.ts",
  ]);
});
