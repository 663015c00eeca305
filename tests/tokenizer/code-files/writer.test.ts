import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type Codes,
  type CodeWriterOptions,
  type EncodedBatch,
  openCodeWriter,
  writeCodes,
} from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { codesOf, collect, encoded, one, oneByOne, twoGrids } from "./samples.js";

const [first, second] = encoded([one, one]) as [EncodedBatch, EncodedBatch];

describe("writeCodes", () => {
  it("leaves nothing when the codes end in an error, or there are none, or they are of two models", async () => {
    const folder = await temporaryFolder();
    const dir = join(folder, "codes");
    const cause = new Error("no more");
    async function* failing(): AsyncGenerator<Codes> {
      yield* twoGrids;
      throw cause;
    }
    await expect(writeCodes(dir, failing())).rejects.toBe(cause);
    await expect(writeCodes(dir, [])).rejects.toMatchObject({ code: "codes" });
    const foreign = { ...codesOf({ seed: 5 }), fingerprint: "f".repeat(64) };
    await expect(writeCodes(dir, [codesOf({ seed: 1 }), foreign])).rejects.toMatchObject({
      code: "codes",
      message: expect.stringContaining(
        "expected those of model 0123456789ab, got those of model ffffffffffff",
      ),
    });
    expect(await readdir(folder)).toEqual([]);
  });

  it("overwrites a code folder only when told to, and only once the new codes are complete", async () => {
    const dir = join(await temporaryFolder(), "codes");
    await writeCodes(dir, twoGrids);
    await writeFile(join(dir, "notes.txt"), "mine");
    const next = codesOf({ seed: 6, grid: [4, 1] });
    await expect(writeCodes(dir, [next])).rejects.toMatchObject({
      code: "codes",
      message: `${dir}: expected a new or empty folder, got one with codes in it. Choose another folder, or replace it (option overwrite).`,
    });
    function* failing(): Generator<Codes> {
      yield next;
      throw new Error("no more");
    }
    await expect(writeCodes(dir, failing(), { overwrite: true })).rejects.toThrow("no more");
    expect(oneByOne(await collect(dir))).toEqual(oneByOne(twoGrids));
    await writeCodes(dir, [next], { overwrite: true });
    expect(await collect(dir)).toEqual([next]);
    expect((await readdir(dir)).sort()).toEqual([
      "codes-4x1.npy",
      "images.jsonl",
      "manifest.json",
      "notes.txt",
    ]);
  });

  it("leaves a folder with anything else alone", async () => {
    const dir = join(await temporaryFolder(), "photos");
    await mkdir(dir);
    await writeFile(join(dir, "cat.jpg"), "");
    await expect(writeCodes(dir, twoGrids, { overwrite: true })).rejects.toMatchObject({ code: "codes" });
    expect(await readdir(dir)).toEqual(["cat.jpg"]);
    const file = join(dir, "cat.jpg");
    await expect(writeCodes(file, twoGrids)).rejects.toMatchObject({
      code: "file",
      message: `${file}: expected a folder, got a file.`,
    });
  });
});

describe("openCodeWriter", () => {
  it("writes where nobody else does: the first one's codes are whole, and the second is told", async () => {
    const parent = await temporaryFolder();
    const dir = join(parent, "codes");
    await symlink(parent, `${parent}-link`);
    const writer = await openCodeWriter(dir, { saveEvery: 0 });
    const ways: readonly [string, CodeWriterOptions][] = [
      [dir, {}],
      [dir, { overwrite: true }],
      [join(`${parent}-link`, "codes"), { resume: true }],
    ];
    const refuse = async (): Promise<void> => {
      for (const [path, options] of ways) {
        await expect(openCodeWriter(path, options)).rejects.toMatchObject({
          code: "locked",
          message: expect.stringMatching(/locked by process \d+ on .+ remove \S+\/\.vqkit\.lock\.$/),
        });
      }
      await expect(writeCodes(dir, [one], { overwrite: true })).rejects.toMatchObject({ code: "locked" });
    };
    await refuse();
    await writer.write(first);
    await refuse();
    await writer.suspend();
    const again = await openCodeWriter(dir, { resume: true });
    await again.write(second);
    await refuse(); // and not told that the folder holds what an interrupted run left
    expect((await again.finish()).entries).toBe(2);
    expect((await readdir(dir)).sort()).toEqual(["codes-2x3.npy", "images.jsonl", "manifest.json"]);
    expect((await openCodeWriter(dir, { resume: true })).finished?.entries).toBe(2);
  });

  it("gives the folder free however it ends", async () => {
    const dir = join(await temporaryFolder(), "codes");
    await (await openCodeWriter(dir)).abort();
    await expect(writeCodes(dir, [])).rejects.toMatchObject({ code: "codes" });
    expect(await readdir(join(dir, ".."))).toEqual([]);
    const empty = await openCodeWriter(dir);
    await expect(empty.finish()).rejects.toMatchObject({ code: "codes" });
    expect(await empty.suspend()).toBe(false);
    await writeCodes(dir, [one]);
    await expect(openCodeWriter(dir)).rejects.toMatchObject({ code: "codes" });
    expect((await readdir(dir)).sort()).toEqual(["codes-2x3.npy", "images.jsonl", "manifest.json"]);
  });
});
