import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/core/errors.js";
import * as tf from "../../../src/tf/index.js";
import {
  type ComparisonOptions,
  compareQuantizers,
  planComparison,
  Trainer,
} from "../../../src/training/index.js";
import { useEngine } from "../../engine.js";
import { digestOf, drained, tinyFolders } from "../tiny-runs.js";
import { comparisonOf, expectComparable } from "./comparisons.js";

const { images, runs } = await tinyFolders();

beforeAll(useEngine);

const options = (changes?: Partial<ComparisonOptions>) => comparisonOf({ images, runs }, changes);

describe("planComparison", () => {
  it("matches sizes, and states the nominal one beside what FSQ makes of it", () => {
    const plan = planComparison(options({ seeds: [4, 1] }));
    expect(plan.map(({ quantizer, seed }) => `${quantizer} ${seed}`)).toEqual([
      ...["vq 4", "rotation 4", "simvq 4", "fsq 4"],
      ...["vq 1", "rotation 1", "simvq 1", "fsq 1"],
    ]);
    expect(plan.map(({ config }) => config.nominalCodebookSize)).toEqual(Array(8).fill(30));
    expect(plan[0]?.config.quantizer.codebookSize).toBe(30);
    expect(plan[3]?.config.quantizer.levels).toEqual([6, 5]);
    expect(plan[3]?.dir).toBe(path.join(runs, "plan", "fsq-seed4"));
    expect(plan[3]?.config.out).toBe(plan[3]?.dir);
    // Every run is evaluated on the files that the first seed keeps back.
    expect(plan.map(({ config }) => config.data.splitSeed)).toEqual(Array(8).fill(4));
  });

  it("differs between quantizers of one seed in the quantizer and the folder alone", () => {
    const [first, ...others] = planComparison(options()).map(({ config }) => config);
    for (const config of others) {
      const { quantizer, out } = first as typeof config;
      expect({ ...config, quantizer, out }).toEqual(first);
    }
  });

  it("leaves a size alone that a quantizer sets itself", () => {
    const quantizers = [
      { kind: "vq", codebookSize: 5 },
      { kind: "fsq", levels: [4, 3] },
    ];
    const [vq, fsq] = planComparison(options({ quantizers })).map(({ config }) => config);
    expect([vq?.quantizer.codebookSize, vq?.nominalCodebookSize]).toEqual([5, 5]);
    expect([fsq?.quantizer.levels, fsq?.nominalCodebookSize]).toEqual([[4, 3], 30]);
  });

  it("compares all registered kinds at 1024 codes and seed 0 unless told", () => {
    const { base, out } = options();
    const plan = planComparison({ base, out });
    expect(plan.map(({ quantizer }) => quantizer)).toEqual(["fsq", "rotation", "simvq", "vq"]);
    expect(plan.map(({ config }) => [config.seed, config.nominalCodebookSize])).toEqual(
      Array(4).fill([0, 1024]),
    );
  });

  it.each([
    [{ quantizers: ["vq", "vqq"] }, "quantizer.kind", /Did you mean "vq"\?$/],
    [{ quantizers: ["vq", { kind: "vq", codeDim: 8 }] }, "quantizers[1]", /got "vq" again\.$/],
    [{ quantizers: [] }, "quantizers", /expected >= 1 items/],
    [{ seeds: [1, 2, 1] }, "seeds[2]", /got 1 again\.$/],
    [{ seeds: [0.5] }, "seeds[0]", /expected an integer/],
    [{ codebookSize: 0 }, "codebookSize", />= 2, got 0/],
    [{ base: { data: "a", seed: 3 } }, "base.seed", /the comparison sets it/],
    [{ base: { steps: 3 } }, "data", /expected a folder/],
    [{ base: { data: "a", stepz: 3 } }, "", /Did you mean "steps"\?$/],
    [{ quantizer: "vq" }, "", /Did you mean "quantizers"\?$/],
  ])("refuses %j", (changes, at, message) => {
    const refused = () => planComparison({ ...options(), ...changes });
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(message);
    expect(refused).toThrow(expect.objectContaining({ path: at }));
  });
});

describe("the runs of a comparison", () => {
  it("start from the same encoder and decoder and see the same crops in the same order", async () => {
    const digests: { weights: string; batches: string; evaluation: string; seed: number }[] = [];
    for (const { config, seed } of planComparison(options({ seeds: [0, 1] }))) {
      const trainer = await Trainer.create(config);
      const shared = [...(await trainer.model.copyWeights())].filter(([name]) =>
        /^(encoder|decoder)\//.test(name),
      );
      expect(shared.length).toBeGreaterThan(10);
      const weights = createHash("sha256");
      for (const [name, { shape, data }] of shared)
        weights.update(JSON.stringify([name, shape])).update(data);
      const batches = createHash("sha256");
      let seen = 0;
      for await (const { files, pixels } of trainer.dataset.trainBatches({ batchSize: 3 })) {
        batches.update(JSON.stringify(files)).update(pixels);
        if (++seen === 5) break;
      }
      const evaluation = digestOf(Buffer.from(trainer.dataset.heldOutFiles.join("\n")));
      digests.push({ weights: weights.digest("hex"), batches: batches.digest("hex"), evaluation, seed });
      trainer.dispose();
    }
    const bySeed = [0, 1].map((seed) => digests.filter((digest) => digest.seed === seed));
    for (const group of bySeed) expect(group).toEqual(Array(4).fill(group[0]));
    const [first, second] = bySeed.map(([digest]) => digest);
    expect(first?.weights).not.toBe(second?.weights);
    expect(first?.batches).not.toBe(second?.batches);
    expect(first?.evaluation).toBe(second?.evaluation);
  });
});

describe("compareQuantizers", () => {
  it("trains every quantizer with every seed into a folder of its own, comparable with the others", () =>
    expectComparable({ images, runs }, ["simvq", "fsq"]));

  it("finds a taken folder before the first run starts", async () => {
    const out = path.join(runs, "taken");
    await drained(compareQuantizers(options({ quantizers: ["fsq"], out })));
    const metrics = path.join(out, "fsq-seed0", "metrics.jsonl");
    const before = await readFile(metrics, "utf8");
    await expect(compareQuantizers(options({ out })).next()).rejects.toMatchObject({ code: "run" });
    expect(await readdir(out)).toEqual(["comparison-plan.json", "fsq-seed0"]);
    expect(await readFile(metrics, "utf8")).toBe(before);
    await writeFile(path.join(out, "note.txt"), "mine");
    await drained(compareQuantizers(options({ quantizers: ["fsq"], out, overwrite: true })));
    expect((await readdir(out)).sort()).toEqual(["comparison-plan.json", "fsq-seed0", "note.txt"]);
  });

  it("frees everything and leaves a checkpoint when the caller stops in the middle", async () => {
    const out = path.join(runs, "stopped");
    const before = tf.memory().numTensors;
    for await (const event of compareQuantizers(options({ out }))) {
      if (event.type === "step" && event.quantizer === "rotation" && event.metrics.step === 2) break;
    }
    expect(tf.memory().numTensors).toBe(before);
    expect((await readdir(out)).sort()).toEqual(["comparison-plan.json", "rotation-seed0", "vq-seed0"]);
    expect(await readdir(path.join(out, "rotation-seed0", "checkpoints"))).toEqual([
      "step-00000002.safetensors",
    ]);
    expect(await readdir(path.join(out, "vq-seed0"))).toContain("summary.json");
  });

  it("stops by a signal with its reason", async () => {
    const stop = new AbortController();
    const reason = new Error("stopped by the test");
    const loop = async () => {
      const control = { signal: stop.signal };
      for await (const event of compareQuantizers(options({ out: path.join(runs, "aborted") }), control)) {
        if (event.type === "run-end") stop.abort(reason);
      }
    };
    await expect(loop()).rejects.toBe(reason);
    expect((await readdir(path.join(runs, "aborted"))).sort()).toEqual(["comparison-plan.json", "vq-seed0"]);
  });
});
