import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type CodeFormat,
  type Codes,
  type CodeWriterOptions,
  codeFormats,
  type EncodedBatch,
  openCodeWriter,
  readCodeManifest,
  readCodes,
  writeCodes,
} from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { fingerprint } from "./arbitrary.js";
import { batchesOf, contents, expectSameBytes, kill } from "./kills.js";
import { encoded, one } from "./samples.js";

const [first, second, third] = encoded([one, one, one]) as [EncodedBatch, EncodedBatch, EncodedBatch];

describe.each(codeFormats)("an interrupted writer of format %s", (format) => {
  it("ends with the same bytes wherever it was killed", () => expectSameBytes(format, 3));

  it("can be killed between its last steps", async () => {
    const folder = await temporaryFolder();
    const whole = join(folder, "whole");
    await writeCodes(whole, [one, one], { format });
    const dir = join(folder, "killed");
    const writer = await openCodeWriter(dir, { format });
    for (const batch of [first, second]) await writer.write(batch);
    // A folder stands where the manifest goes, so that the very last step fails.
    await mkdir(join(dir, "manifest.json", "in the way"), { recursive: true });
    await expect(writer.finish()).rejects.toThrow();
    expect(await readdir(dir)).toContain(".progress.json");
    await rm(join(dir, "manifest.json"), { recursive: true });
    await expect(readCodeManifest(dir)).rejects.toMatchObject({ code: "codes" });
    const left = `${dir}-left`;
    await kill(dir, left, { torn: false });
    const again = await openCodeWriter(left, { format, resume: true });
    expect(again.finished).toMatchObject({ layout: format, entries: 2 });
    expect(await contents(left)).toEqual(await contents(whole));
  });
});

describe("openCodeWriter", () => {
  it("goes on at the last batch before the end of a row group of Parquet, and writes nothing twice", async () => {
    const dir = join(await temporaryFolder(), "killed");
    const writer = await openCodeWriter(dir, { format: "parquet" });
    for (const batch of batchesOf(300).slice(0, 5)) await writer.write(batch);
    await writer.suspend();
    // The first 1000 images are a row group; of the fourth batch 100 are in it.
    const again = await openCodeWriter(dir, { format: "parquet", resume: true });
    expect([again.entries, again.resumedAt?.itemsDone]).toEqual([900, 900]);
    for (const batch of batchesOf(70, 900)) await again.write(batch);
    const { entries } = await again.finish();
    const names: string[] = [];
    for await (const { images } of readCodes(dir)) names.push(...images.map((image) => image.name));
    expect(entries).toBe(2700);
    expect(names).toEqual(Array.from({ length: 2700 }, (_, i) => `${i}.jpg`));
  });

  it("does not go on when others come for the images that are in the files already", async () => {
    const folder = await temporaryFolder();
    const stop = async (dir: string): Promise<void> => {
      const writer = await openCodeWriter(dir, { format: "parquet" });
      for (const batch of batchesOf(300).slice(0, 4)) await writer.write(batch);
      await writer.suspend();
    };
    const other = join(folder, "other");
    await stop(other);
    const one = await openCodeWriter(other, { format: "parquet", resume: true });
    const [batch] = batchesOf(300, 901) as [EncodedBatch];
    await expect(one.write(batch)).rejects.toMatchObject({
      code: "codes",
      message:
        "codes: expected 1000.jpg and those before it as the interrupted run wrote them, got others. Give the same images as before.",
    });
    const fewer = join(folder, "fewer");
    await stop(fewer);
    const two = await openCodeWriter(fewer, { format: "parquet", resume: true });
    await two.write(batchesOf(40, 900)[0] as EncodedBatch);
    await expect(two.finish()).rejects.toMatchObject({
      code: "codes",
      message: `${fewer}: expected 60 more entries, which the interrupted run had written, got the end. Give the same images as before.`,
    });
  });

  it("suspends and goes on, and says how far the source was", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const writer = await openCodeWriter(dir, { settings: { policy: "native" } });
    await writer.write(first);
    await writer.write(second);
    await writer.suspend();
    await expect(readCodeManifest(dir)).rejects.toMatchObject({
      code: "codes",
      message: `${dir}: expected finished codes, got those of an interrupted run. Resume the encoding first (option resume).`,
    });
    await expect(openCodeWriter(dir)).rejects.toMatchObject({
      message: `${dir}: expected a new or empty folder, got one with an interrupted run in it. Resume it (option resume), choose another folder, or replace it (option overwrite).`,
    });
    const again = await openCodeWriter(dir, { resume: true, settings: { policy: "native" }, fingerprint });
    const { itemsDone, itemsBroken, itemsDigest } = second;
    expect(again.resumedAt).toEqual({ itemsDone, itemsBroken, itemsDigest });
    expect(again.entries).toBe(2);
    await again.write(third);
    expect(await again.finish()).toMatchObject({ entries: 3, settings: { policy: "native" } });
    expect(await readCodeManifest(dir)).toMatchObject({ entries: 3, settings: { policy: "native" } });
    const finished = await openCodeWriter(dir, { resume: true, settings: { policy: "native" }, fingerprint });
    expect([finished.finished, finished.format, finished.entries]).toEqual([
      await readCodeManifest(dir),
      "npy",
      3,
    ]);
    expect(await finished.finish()).toEqual(finished.finished);
    await finished.suspend();
    await finished.abort();
    await expect(finished.write(first)).rejects.toThrow(/expected no more codes after the end/);
    expect((await readCodeManifest(dir)).entries).toBe(3);
  });

  it("resumes from the state as version 2 of its file has it, and leaves that as it was", async () => {
    const dir = join(await temporaryFolder(), "codes");
    await mkdir(dir);
    const batch = (images: readonly string[]): Codes => ({
      indices: Uint16Array.from(
        images.flatMap((name) => [...one.indices].map((i) => (i + name.charCodeAt(0)) % 10)),
      ),
      shape: [images.length, 2, 3, 1],
      codebookSize: 10,
      images: images.map((name) => ({ name, width: 12, height: 8 })),
      fingerprint,
    });
    const whole = `${dir}-whole`;
    const settings = { size: 128 };
    await writeCodes(whole, [batch(["a.jpg", "b.jpg", "c.jpg", "d.jpg"])], { format: "jsonl", settings });
    // Three entries are in the files, two of them of items that are done.
    const lines = (await readFile(join(whole, "codes.jsonl"), "utf8")).split("\n");
    const text = `${lines.slice(0, 3).join("\n")}\n`;
    const digest = createHash("sha256")
      .update('{"name":"c.jpg","width":12,"height":8,"shape":[2,3,1]}')
      .update(batch(["c.jpg"]).indices)
      .digest("hex");
    const state = {
      format: "vqkit-codes-progress",
      formatVersion: 2,
      layout: "jsonl",
      kind: { fingerprint, codebookSize: 10, numCodebooks: 1 },
      settings,
      shardBytes: 2 ** 28,
      source: { itemsDone: 3, itemsBroken: 1, itemsDigest: "5".repeat(64) },
      entries: 2,
      grids: [{ gridHeight: 2, gridWidth: 3, entries: 2 }],
      files: { "codes.jsonl": text.length },
      ahead: { entries: 1, digest },
    };
    await writeFile(join(dir, ".codes.jsonl.partial"), `${text}torn`);
    await writeFile(join(dir, ".progress.json"), JSON.stringify(state));
    await (await openCodeWriter(dir, { format: "jsonl", resume: true, settings })).suspend();
    expect(JSON.parse(await readFile(join(dir, ".progress.json"), "utf8"))).toEqual(state);
    const writer = await openCodeWriter(dir, { format: "jsonl", resume: true, settings });
    expect([writer.entries, writer.resumedAt]).toEqual([2, state.source]);
    await writer.write(batch(["c.jpg", "d.jpg"]));
    await writer.finish();
    expect(await contents(dir)).toEqual(await contents(whole));
  });

  it("saves no position behind a batch that has none", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const writer = await openCodeWriter(dir, { saveEvery: 0 });
    await writer.write(first);
    await writer.write(one);
    await writer.suspend();
    const again = await openCodeWriter(dir, { resume: true });
    expect([again.entries, again.resumedAt?.itemsDone]).toEqual([1, first.itemsDone]);
    await again.abort();
    expect(await readdir(join(dir, ".."))).toEqual([dir.split("/").at(-1)]); // it did not make the folder
    expect(await readdir(dir)).toEqual([]);
  });

  it.each<[string, CodeWriterOptions, RegExp]>([
    [
      "another model",
      { fingerprint: "f".repeat(64) },
      /expected those of model 0123456789ab, got those of model ffffffffffff/,
    ],
    ["another format", { format: "packed" }, /expected format "npy" as in the interrupted run, got "packed"/],
    ["other settings", { settings: { size: 256 } }, /expected size 128 as in the interrupted run, got 256/],
    ["a setting less", { settings: {} }, /expected size 128 as in the interrupted run, got absent/],
  ])("does not go on with %s, nor call that finished", async (_, options, message) => {
    const dir = join(await temporaryFolder(), "codes");
    const writer = await openCodeWriter(dir, { settings: { size: 128 } });
    await writer.write(first);
    await writer.suspend();
    const wish = { resume: true, settings: { size: 128 }, ...options };
    await expect(openCodeWriter(dir, wish)).rejects.toMatchObject({
      code: "codes",
      message: expect.stringMatching(message),
    });
    await (await openCodeWriter(dir, { resume: true, settings: { size: 128 } })).finish();
    await expect(openCodeWriter(dir, wish)).rejects.toMatchObject({
      code: "codes",
      message: expect.stringMatching(
        new RegExp(message.source.replace("the interrupted run", "the finished codes")),
      ),
    });
  });

  it("does not call codes finished that are damaged", async () => {
    const dir = join(await temporaryFolder(), "codes");
    await writeCodes(dir, [one]);
    await writeFile(join(dir, "images.jsonl"), "\n", { flag: "a" });
    await expect(openCodeWriter(dir, { resume: true })).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/images\.jsonl: expected \d+ bytes as in the manifest, got/),
    });
  });

  it("does not go on when a file lost what was saved", async () => {
    const writer = await openCodeWriter(join(await temporaryFolder(), "codes"), { saveEvery: 0 });
    await writer.write(first);
    const dir = `${writer.dir}-left`;
    await kill(writer.dir, dir);
    await writeFile(join(dir, ".codes-2x3.npy.partial"), "short");
    await expect(openCodeWriter(dir, { resume: true })).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/\.codes-2x3\.npy\.partial: expected at least 204 bytes, got 5/),
    });
  });

  it("begins anew over what a run left that was killed before it saved anything", async () => {
    let dir = join(await temporaryFolder(), "codes");
    const formats: CodeFormat[] = ["packed", "npy"];
    for (const format of formats) {
      const writer = await openCodeWriter(dir, { format });
      await writer.write(first);
      await kill(dir, `${dir}-${format}`);
      dir = `${dir}-${format}`;
    }
    const manifest = await writeCodes(dir, [one]);
    expect(manifest.entries).toBe(1);
    expect((await readdir(dir)).sort()).toEqual(["codes-2x3.npy", "images.jsonl", "manifest.json"]);
  });
});
