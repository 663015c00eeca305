import { cp, readdir, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { Random } from "../../src/core/random.js";
import type { QuantizerConfig } from "../../src/quantizers/index.js";
import { RunFolder, readCodeTimeline } from "../../src/runs/index.js";
import * as tf from "../../src/tf/index.js";
import { loadModel } from "../../src/tokenizer/index.js";
import { type RunOptions, Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { digestOf, drained, timeless, tinyFolders, tinyRun, train } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();
let source: string;
let sourcePsnr: number;

beforeAll(async () => {
  await useEngine();
  source = path.join(runs, "source");
  const { trainer } = await train(tinyRun(images, { out: source, steps: 12, seed: 4, quantizer: EMA }));
  sourcePsnr = trainer.result?.evaluation.figures.psnr ?? Number.NaN;
});

const FREE = { kind: "vq", codebookSize: 16, codeDim: 8 };
const LINEAR = { kind: "simvq", codebookSize: 12, codeDim: 8 };
const EMA = { kind: "vq", codebookSize: 16, codeDim: 8, codebook: "ema", initialization: "kmeans" };

/** A run that says nothing of its model and quantizer, but what is given. */
function fromSource(changes: Partial<RunOptions> = {}): RunOptions {
  const {
    model: _model,
    quantizer: _quantizer,
    ...rest
  } = tinyRun(images, { seed: 4, from: source, steps: 4 });
  return { ...rest, ...changes } as RunOptions;
}

async function weightsOf(trainer: Trainer): Promise<Record<string, Float32Array>> {
  return Object.fromEntries([...(await trainer.model.copyWeights())].map(([name, { data }]) => [name, data]));
}

async function savedWeights(dir: string): Promise<Record<string, Float32Array>> {
  const { weights } = await (await RunFolder.open(dir)).readModel();
  return Object.fromEntries([...weights].map(([name, { data }]) => [name, data as Float32Array]));
}

const under = (prefix: string, weights: Record<string, Float32Array>) =>
  Object.fromEntries(Object.entries(weights).filter(([name]) => name.startsWith(prefix)));

describe("a run that starts from a model", () => {
  it("begins with its weights, codebook, autoencoder and quantizer, and records its fingerprint", async () => {
    const out = path.join(runs, "keep");
    const before = tf.memory().numTensors;
    const trainer = await Trainer.create(fromSource({ out, weightAverageDecay: 0.9 }));
    expect(await weightsOf(trainer)).toEqual(await savedWeights(source));
    const steps = await drained(trainer.run());
    trainer.dispose();
    expect(tf.memory().numTensors).toBe(before);
    // The k-means centres are not taken again: what the source ended with is what the run begins with.
    expect(trainer.result?.untrained?.psnr).toBe(sourcePsnr);
    expect(steps).toHaveLength(4);
    const { model, fingerprint } = await loadModel(source);
    model.dispose();
    const config = await (await RunFolder.open(out)).readConfig();
    expect(config).toMatchObject({
      from: { model: source, codebook: "keep", fingerprint },
      quantizer: EMA,
      model: { baseWidth: 8, downsamplingFactor: 2 },
    });
    const again = path.join(runs, "keep again");
    await train({ ...(config as unknown as RunOptions), out: again });
    expect(await timeless(again)).toBe(await timeless(out));
  });

  it("draws no weights of the encoder and the decoder, which it is given", async () => {
    const uniform = vi.spyOn(Random.prototype, "uniform");
    (await Trainer.create(fromSource())).dispose();
    // At most the codebook's 16 codes of 8 numbers.
    expect(uniform.mock.calls.length).toBeLessThanOrEqual(16 * 8);
    uniform.mockRestore();
  });

  it.each<[string, QuantizerConfig, QuantizerConfig]>([
    ["moving averages", EMA, EMA],
    ["the rotation trick on moving averages", EMA, { ...EMA, kind: "rotation" }],
    ["a learned table", FREE, FREE],
    ["a linear codebook", LINEAR, LINEAR],
  ])("leaves a frozen codebook as it is: %s", async (name, ofSource, quantizer) => {
    const dir = path.join(runs, `source of ${name}`);
    await train(tinyRun(images, { out: dir, steps: 2, quantizer: ofSource, evaluateUntrained: false }));
    const out = path.join(runs, `frozen ${name}`);
    const from = { model: dir, codebook: "frozen" as const };
    await train(fromSource({ from, quantizer, out, weightAverageDecay: 0.5 }));
    const [now, then] = [await savedWeights(out), await savedWeights(dir)];
    expect(Object.keys(under("quantizer/", now)).length).toBeGreaterThan(0);
    expect(under("quantizer/", now)).toEqual(under("quantizer/", then));
    expect(under("encoder/", now)).not.toEqual(under("encoder/", then));
    const drifts = (await readCodeTimeline(await RunFolder.open(out)))?.records.map(
      ({ drift }) => drift?.[0]?.overall,
    );
    expect(drifts).toEqual([0, 0, 0, 0]);
  });

  it("takes another quantizer with a fresh codebook, and fresh projections where its code dimension differs", async () => {
    const from = { model: source, codebook: "fresh" as const };
    const quantizer = { kind: "fsq", levels: [5, 4, 3] };
    const plain = await Trainer.create(tinyRun(images, { seed: 4, quantizer }));
    const trainer = await Trainer.create(fromSource({ from, quantizer }));
    const [now, then, fresh] = [await weightsOf(trainer), await savedWeights(source), await weightsOf(plain)];
    trainer.dispose();
    plain.dispose();
    expect({ ...under("encoder/", now), ...under("decoder/", now) }).toEqual({
      ...under("encoder/", then),
      ...under("decoder/", then),
    });
    expect(Object.keys(under("projection/", now))).toHaveLength(4);
    expect(under("projection/", now)).toEqual(under("projection/", fresh));
    // The same code dimension: the latents go the same way as before.
    const other = await Trainer.create(fromSource({ from, quantizer: { ...EMA, codebookSize: 20 } }));
    expect(other.model.quantizer.codebookSize).toBe(20);
    other.dispose();
  });

  it("goes on without that model once it has begun, to the same end", async () => {
    const model = path.join(runs, "lent");
    await cp(source, model, { recursive: true });
    const from = { model, codebook: "fresh" as const };
    const [whole, parted] = [path.join(runs, "whole"), path.join(runs, "parted")];
    await train(fromSource({ from, out: whole }));
    const trainer = await Trainer.create(fromSource({ from, out: parted }));
    const run = trainer.run();
    await run.next();
    // As after a kill during step 2: there is the checkpoint of step 0 alone.
    const killed = path.join(runs, "killed");
    await cp(parted, killed, { recursive: true });
    await rm(path.join(killed, ".vqkit.lock"));
    await run.return();
    trainer.dispose();
    await rm(model, { recursive: true });
    expect(await readdir(path.join(killed, "checkpoints"))).toEqual(["step-00000000.safetensors"]);
    const resumed = await Trainer.resume(killed);
    expect((await drained(resumed.run())).map(({ step }) => step)).toEqual([1, 2, 3, 4]);
    resumed.dispose();
    expect(await timeless(killed)).toBe(await timeless(whole));
    for (const file of ["model.safetensors", "timeline.vqt"]) {
      const digests = [killed, whole].map(async (dir) => digestOf(await readFile(path.join(dir, file))));
      expect(await digests[0]).toBe(await digests[1]);
    }
  });

  it.each<[string, Partial<RunOptions>, object]>([
    [
      "another autoencoder, naming the weights",
      { model: { baseWidth: 12 } },
      {
        code: "format",
        message: expect.stringMatching(/Weight "encoder\/[^"]+": model has \[4,4,3,12\], file has/),
      },
    ],
    [
      "a kept codebook of another size, naming it",
      { quantizer: { kind: "vq", codebookSize: 17 } },
      { path: "from.codebook", message: expect.stringContaining('Weight "quantizer/') },
    ],
    [
      "a kept codebook for another quantizer",
      { quantizer: { kind: "fsq", levels: [2, 2, 2, 2, 2, 2, 2, 2] } },
      { path: "from.codebook" },
    ],
    [
      "a kept codebook for another code dimension",
      { quantizer: { kind: "fsq", levels: [5, 4, 3] } },
      {
        path: "from.codebook",
        message: expect.stringContaining("got one of another code dimension. Give that"),
      },
    ],
    [
      "a choice that there is not",
      { from: { model: "x", codebook: "warm" as "keep" } },
      { path: "from.codebook" },
    ],
    ["no model there", { from: "runs/nowhere" }, { code: "run" }],
  ])("refuses %s, and frees what it made", async (_, changes, error) => {
    const before = tf.memory().numTensors;
    await expect(Trainer.create(fromSource(changes))).rejects.toMatchObject(error);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("refuses a model that is no longer the one that the configuration names", async () => {
    const from = { model: source, fingerprint: "0".repeat(64) };
    await expect(Trainer.create(fromSource({ from }))).rejects.toMatchObject({ path: "from.fingerprint" });
  });
});
