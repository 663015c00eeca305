import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import type { QuantizerConfig } from "../../../src/quantizers/index.js";
import { RunFolder } from "../../../src/runs/index.js";
import {
  type ComparisonOptions,
  compareQuantizers,
  resumeComparison,
  Trainer,
} from "../../../src/training/index.js";
import { useEngine } from "../../engine.js";
import { drained, timeless, tinyFolders, tinyRun, train } from "../tiny-runs.js";

const { images, runs } = await tinyFolders();

const SOURCES: Readonly<Record<string, QuantizerConfig>> = {
  vq: { kind: "vq", codebookSize: 16, codeDim: 8 },
  ema: { kind: "vq", codebookSize: 12, codeDim: 8, codebook: "ema", initialization: "kmeans" },
  fsq: { kind: "fsq", levels: [4, 3] },
};

/** What these runs come to is of no interest. */
const LEAN = { steps: 1, evaluateUntrained: false, reconstructionStrips: 0, timelineRecords: 0 };

beforeAll(async () => {
  await useEngine();
  for (const [name, quantizer] of Object.entries(SOURCES)) {
    await train(tinyRun(images, { out: path.join(runs, name), ...LEAN, quantizer }));
  }
});

/** A comparison that says nothing of the model: it is none of the presets. */
function options(source: string, out: string, changes: Partial<ComparisonOptions> = {}): ComparisonOptions {
  const { quantizer: _quantizer, model: _model, ...base } = tinyRun(images, { ...LEAN, checkpointEvery: 1 });
  const from = { model: path.join(runs, source), codebook: "fresh" as const };
  return { base: { ...base, from }, out: path.join(runs, out), quantizers: ["vq", "fsq"], ...changes };
}

async function configOf(out: string, run: string): Promise<Readonly<Record<string, unknown>>> {
  return (await RunFolder.open(path.join(runs, out, run))).readConfig();
}

describe("a comparison whose runs start from a model", () => {
  it("takes what it does not say from that model: autoencoder, quantizer of the same kind, size of the others", async () => {
    await drained(compareQuantizers(options("vq", "from vq")));
    expect(await configOf("from vq", "vq-seed0")).toMatchObject({
      model: { baseWidth: 8, downsamplingFactor: 2, latentChannels: 8 },
      quantizer: SOURCES.vq,
      nominalCodebookSize: 16,
      from: { codebook: "fresh", fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
    // 16 codes are nearest to [4,4] or [5,3]: the rule of FSQ's paper, not the default of 1,024.
    const fsq = await configOf("from vq", "fsq-seed0");
    const { levels } = fsq.quantizer as { levels: number[] };
    expect(levels.reduce((a, b) => a * b)).toBeLessThan(32);
    expect(fsq).toMatchObject({ model: { baseWidth: 8 }, nominalCodebookSize: 16 });
  });

  it("inherits levels as they are, and gives their product to the others", async () => {
    await drained(compareQuantizers(options("fsq", "from fsq")));
    expect(await configOf("from fsq", "fsq-seed0")).toMatchObject({ quantizer: { levels: [4, 3] } });
    expect(await configOf("from fsq", "vq-seed0")).toMatchObject({ quantizer: { codebookSize: 12 } });
  });

  it("lets a size that is given win over the model's, and a codebook over the options of another", async () => {
    const free = { kind: "vq", codebook: "free" };
    await drained(
      compareQuantizers(options("ema", "sized", { codebookSize: 20, quantizers: [free, "rotation"] })),
    );
    expect(await configOf("sized", "vq-seed0")).toMatchObject({
      quantizer: { codebook: "free", codebookSize: 20, codeDim: 8, initialization: "kmeans" },
    });
    const fsq = options("fsq", "sized fsq", { sweep: { codebookSize: [20] }, quantizers: ["fsq"] });
    await drained(compareQuantizers(fsq));
    expect(await configOf("sized fsq", "fsq-codebookSize20-seed0")).toMatchObject({
      nominalCodebookSize: 20,
    });
  });

  it("keeps the codebook where every quantizer has that table, and names one that has not", async () => {
    const keep = options("ema", "kept", { quantizers: ["vq"] });
    const from = path.join(runs, "ema");
    await drained(compareQuantizers({ ...keep, base: { ...keep.base, from } }));
    expect(await configOf("kept", "vq-seed0")).toMatchObject({
      quantizer: SOURCES.ema,
      from: { codebook: "keep" },
    });
    const other = options("ema", "not kept", { quantizers: ["fsq"] });
    await expect(
      drained(compareQuantizers({ ...other, base: { ...other.base, from } })),
    ).rejects.toMatchObject({
      code: "config",
      path: "from.codebook",
    });
  });

  it("is resumed to the same end, also from a plan without the model's fingerprint", async () => {
    await drained(compareQuantizers(options("vq", "whole")));
    for (const [out, forget] of [
      ["parted", false],
      ["parted by 0.1.0", true],
    ] as const) {
      for await (const event of compareQuantizers(options("vq", out))) {
        if (event.type === "step" && event.index === 1) break;
      }
      if (forget) {
        const plan = path.join(runs, out, "comparison-plan.json");
        const text = await readFile(plan, "utf8");
        await writeFile(plan, text.replaceAll(/"fingerprint": "[0-9a-f]+"/g, '"fingerprint": null'));
      }
      await drained(resumeComparison(path.join(runs, out)));
      for (const run of ["vq-seed0", "fsq-seed0"]) {
        expect(await timeless(path.join(runs, out, run))).toBe(await timeless(path.join(runs, "whole", run)));
      }
    }
  });

  it("refuses a model that has changed since the comparison was planned", async () => {
    const source = path.join(runs, "changing");
    await train(tinyRun(images, { out: source, ...LEAN }));
    const out = path.join(runs, "of a changing model");
    const begun = options("changing", "of a changing model");
    for await (const { type } of compareQuantizers(begun)) if (type === "run-end") break;
    await train(tinyRun(images, { out: source, ...LEAN, seed: 5, overwrite: true }));
    await expect(drained(resumeComparison(out))).rejects.toMatchObject({ path: "from.fingerprint" });
  });
});

describe("a run that starts from a model", () => {
  it.each([
    ["levels beside a size", "fsq", { kind: "fsq", codebookSize: 12 }, { levels: expect.any(Array) }],
    ["a size beside levels", "fsq", { kind: "fsq", levels: [6, 2] }, { levels: [6, 2] }],
    [
      "the decay of averages that are not kept",
      "ema",
      { kind: "vq", codebook: "free" },
      { codebook: "free" },
    ],
  ])("does not inherit %s", async (_, source, quantizer, expected) => {
    const { model: _model, ...rest } = tinyRun(images);
    const from = { model: path.join(runs, source), codebook: "fresh" as const };
    const trainer = await Trainer.create({ ...rest, quantizer, from });
    expect(trainer.config.quantizer).toMatchObject(expected);
    trainer.dispose();
  });
});
