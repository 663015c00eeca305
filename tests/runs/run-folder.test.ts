import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type JsonObject, type TensorMap, writeJsonFile, writeSafetensors } from "../../src/files/index.js";
import { CodeCounts, metricCard, usageFigures } from "../../src/metrics/index.js";
import { RUN_FILES, RunFolder, readCodeTimeline, readModelFile } from "../../src/runs/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const config: JsonObject = { seed: 7, quantizer: { kind: "fsq", levels: [8, 5, 5] }, note: "a [1,\n 2] ü" };
const weights: TensorMap = new Map([
  ["encoder/kernel", { dtype: "F32", shape: [2, 1], data: Float32Array.of(0.25, -3) }],
]);

async function newRun(): Promise<RunFolder> {
  const run = await RunFolder.create(join(await temporaryFolder(), "runs", "a"));
  await run.writeConfig(config);
  return run;
}

describe("RunFolder.create", () => {
  it("makes the folder, with those above it", async () => {
    const run = await newRun();
    expect(await readdir(run.dir)).toEqual(["config.json"]);
  });

  it("takes an empty folder, and one with only files in progress", async () => {
    const dir = await temporaryFolder();
    await RunFolder.create(dir);
    await writeFile(join(dir, ".config.json.vqkit-1-0.tmp"), "{");
    await RunFolder.create(dir);
    expect(await readdir(dir)).toEqual([]);
  });

  it("refuses an earlier run unless told to overwrite it", async () => {
    const run = await newRun();
    await expect(RunFolder.create(run.dir)).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining("(option overwrite)"),
    });
    expect(await run.readConfig()).toEqual(config);
  });

  it("tells beforehand whether a folder may be taken, and touches nothing", async () => {
    const run = await newRun();
    const before = await readFile(join(run.dir, "config.json"), "utf8");
    await expect(RunFolder.check(run.dir)).rejects.toMatchObject({ code: "run" });
    await RunFolder.check(run.dir, { overwrite: true });
    expect(await readFile(join(run.dir, "config.json"), "utf8")).toBe(before);
    const none = join(run.dir, "none");
    await RunFolder.check(none);
    expect(await readdir(run.dir)).not.toContain("none");
    await writeFile(join(run.dir, "config.json"), "{}");
    await expect(RunFolder.check(run.dir, { overwrite: true })).rejects.toMatchObject({ code: "run" });
  });

  it("overwriting removes the run's own files and nothing else", async () => {
    const run = await newRun();
    for (const name of Object.values(RUN_FILES)) {
      if (name === "checkpoints") await mkdir(join(run.dir, name, "deep"), { recursive: true });
      else if (name !== "config.json") await writeFile(join(run.dir, name), "old");
    }
    await writeFile(join(run.dir, "notes.txt"), "mine");
    await mkdir(join(run.dir, "photos"));
    await RunFolder.create(run.dir, { overwrite: true });
    expect((await readdir(run.dir)).sort()).toEqual(["notes.txt", "photos"]);
  });

  it.each([
    ["no config", "photo.jpg", "x"],
    ["a config of another program", "config.json", '{"format":"other"}'],
    ["a config that is no object", "config.json", "null"],
    ["a config that is not JSON", "config.json", '{"format":"vqkit-run"'],
  ])("never overwrites a folder with %s", async (_, name, content) => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, name), content);
    await writeFile(join(dir, "model.safetensors"), "precious");
    for (const overwrite of [true, false]) {
      await expect(RunFolder.create(dir, { overwrite })).rejects.toMatchObject({
        code: "run",
        message: expect.stringContaining(`${dir}: expected a new or empty folder`),
      });
    }
    expect((await readdir(dir)).sort()).toEqual([name, "model.safetensors"].sort());
    expect(await readFile(join(dir, "model.safetensors"), "utf8")).toBe("precious");
  });

  it("overwrites a run of another version: it is a run all the same", async () => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, "config.json"), '{"format":"vqkit-run","formatVersion":99}');
    await RunFolder.create(dir, { overwrite: true });
    expect(await readdir(dir)).toEqual([]);
  });

  it("refuses a path that is a file", async () => {
    const path = join(await temporaryFolder(), "file");
    await writeFile(path, "");
    for (const make of [() => RunFolder.create(path, { overwrite: true }), () => RunFolder.open(path)]) {
      await expect(make()).rejects.toMatchObject({
        code: "run",
        message: `${path}: expected a folder, got a file.`,
      });
    }
    await expect(RunFolder.create(join(path, "below"))).rejects.toMatchObject({ code: "run" });
  });
});

describe("RunFolder.open", () => {
  it("says what is missing", async () => {
    const dir = await temporaryFolder();
    await expect(RunFolder.open(join(dir, "none"))).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining("got nothing of that name"),
    });
    await expect(RunFolder.open(dir)).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining(`${dir}: expected config.json of a vqkit run`),
    });
    const run = await newRun();
    await expect((await RunFolder.open(run.dir)).readModel()).rejects.toMatchObject({
      code: "run",
      message: `${run.dir}: expected model.safetensors, got a run without it. First finish its training.`,
    });
    await expect(run.readUsage()).rejects.toMatchObject({ code: "run" });
    await expect(run.readSummary()).rejects.toMatchObject({ code: "run" });
  });

  it.each([
    ["another format", { format: "other", formatVersion: 1, config: {} }, "vqkit-run"],
    ["a later version", { format: "vqkit-run", formatVersion: 2, config: {} }, "formatVersion 1, got 2"],
    ["no config in it", { format: "vqkit-run", formatVersion: 1 }, '"config"'],
    ["a list", [], "vqkit-run"],
  ])("refuses %s", async (_, content, reason) => {
    const dir = await temporaryFolder();
    await writeFile(join(dir, "config.json"), JSON.stringify(content));
    await expect(RunFolder.open(dir)).rejects.toMatchObject({
      code: "format",
      message: expect.stringContaining(reason),
    });
  });

  it("gives back what was written", async () => {
    const written = await newRun();
    const counts = new CodeCounts(6, 2);
    counts.add(Int32Array.of(5, 1, 5, 0, 2, 1));
    const geometry = { gridHeight: 1, gridWidth: 3, imageHeight: 4, imageWidth: 12, numCodebooks: 2 };
    const summary = {
      conventions: metricCard({ imageHeight: 4 }),
      figures: { psnr: 21.5, ssim: null, kind: "fsq" },
    };
    await written.writeModel({ weights, config });
    await written.writeUsage({ counts, images: 1, geometry });
    await written.writeSummary(summary);
    await written.writeFile("report", "<!doctype html>");
    await written.writeFile("reconstructions", Uint8Array.of(0x89, 0x50));
    const log = await written.openMetrics();
    await log.append({ step: 1 });
    await log.close();
    await (await written.openTimeline({ codebookSize: 6, numCodebooks: 2, from: 0 })).close();
    await written.strips().write(3, Uint8Array.of(0x89, 0x51));
    await written.strips().write(12, Uint8Array.of(0x89, 0x52));
    await written.strips().removeAfter(3);

    const run = await RunFolder.open(written.dir);
    expect(await run.readConfig()).toEqual(config);
    expect(await run.readModel()).toEqual({ weights, config });
    expect(await readModelFile(run.path("model"))).toEqual({ weights, config });
    const usage = await run.readUsage();
    expect({ ...usage, counts: usage.counts.toJSON() }).toEqual({
      counts: counts.toJSON(),
      images: 1,
      geometry,
    });
    expect(await run.readSummary()).toEqual(summary);
    expect([...(await readFile(run.path("reconstructions")))]).toEqual([0x89, 0x50]);
    expect(await readCodeTimeline(run)).toEqual({ codebookSize: 6, numCodebooks: 2, records: [] });
    expect(await run.strips().list()).toEqual([
      { step: 3, path: join(run.dir, "reconstructions", "step-00000003.png") },
    ]);
    const records = [];
    for await (const record of run.metrics()) records.push(record);
    expect(records).toEqual([{ step: 1 }]);
    expect((await readdir(run.dir)).sort()).toEqual(
      Object.values(RUN_FILES)
        .filter((name) => name !== "checkpoints" && name !== "tensorboard")
        .sort(),
    );
  });
});

describe("the run's files", () => {
  it("usage.json carries every figure for other readers, lists of numbers on one line", async () => {
    const run = await newRun();
    const counts = new CodeCounts(4);
    counts.add(Int32Array.of(3, 3, 1, 0));
    const geometry = { gridHeight: 2, gridWidth: 2, imageHeight: 8, imageWidth: 8, numCodebooks: 1 };
    await run.writeUsage({ counts, images: 1, geometry });
    const text = await readFile(run.path("usage"), "utf8");
    expect(text).toContain('"indices": [0,1,3],');
    // entropy 1.5 bits · 4 positions / 64 pixels
    expect(JSON.parse(text)).toMatchObject({
      format: "vqkit-usage",
      formatVersion: 1,
      figures: { ...usageFigures(counts), bitsPerPixel: 0.09375 },
    });
    await expect(
      run.writeUsage({ counts, images: 1, geometry: { ...geometry, numCodebooks: 2 } }),
    ).rejects.toMatchObject({ code: "codes" });
  });

  it.each([
    ["a missing field", {}, "images"],
    [
      "counts that contradict themselves",
      { images: 1, geometry: geometryOf(1), counts: badCounts() },
      "codebooks[0]",
    ],
  ])("usage.json with %s is a broken file, not wrong usage", async (_, content, reason) => {
    const run = await newRun();
    await writeJsonFile(run.path("usage"), { format: "vqkit-usage", formatVersion: 1, ...content });
    await expect(run.readUsage()).rejects.toMatchObject({
      code: "format",
      message: expect.stringContaining(`${run.path("usage")}: ${reason}`),
    });
  });

  it("summary.json refuses what JSON would turn into null, and keeps the previous one", async () => {
    const run = await newRun();
    const conventions = metricCard();
    await run.writeSummary({ conventions, figures: { psnr: 20 } });
    await expect(
      run.writeSummary({ conventions, figures: { psnr: Number.POSITIVE_INFINITY } }),
    ).rejects.toMatchObject({ code: "numerics", message: expect.stringContaining('"psnr"') });
    expect((await run.readSummary()).figures).toEqual({ psnr: 20 });
  });

  it("model.safetensors of another program is refused by name", async () => {
    const run = await newRun();
    await writeSafetensors(run.path("model"), weights, { format: "pt" });
    await expect(run.readModel()).rejects.toMatchObject({
      code: "format",
      message: expect.stringContaining('got "pt"'),
    });
    await writeSafetensors(run.path("model"), weights, { format: "vqkit", formatVersion: "2", config: "{}" });
    await expect(run.readModel()).rejects.toMatchObject({
      code: "format",
      message: expect.stringContaining('formatVersion 1, got "2"'),
    });
    await writeSafetensors(run.path("model"), weights, { format: "vqkit", formatVersion: "1", config: "{" });
    await expect(run.readModel()).rejects.toMatchObject({ code: "format" });
  });

  it("clears files in progress on request", async () => {
    const run = await newRun();
    await writeFile(join(run.dir, ".usage.json.vqkit-5-5.tmp"), "{");
    expect(await run.removeTemporaries()).toBe(1);
  });
});

function geometryOf(numCodebooks: number): JsonObject {
  return { gridHeight: 1, gridWidth: 1, imageHeight: 1, imageWidth: 1, numCodebooks };
}

function badCounts(): JsonObject {
  return { codebookSize: 2, numCodebooks: 1, codebooks: [{ indices: [2], counts: [1] }] };
}
