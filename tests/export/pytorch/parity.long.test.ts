/**
 * PyTorch against vqkit: one step of the same batch from the same weights, updates from equal gradients, and losses of 20
 * steps. What a step draws is drawn here and handed over. VQKIT_PYTHON names a Python with torch, safetensors, numpy and
 * pillow.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { pixelsToTensor } from "../../../src/autoencoder/index.js";
import { Random } from "../../../src/core/random.js";
import type { ImageBatch } from "../../../src/data/index.js";
import { exportPytorch } from "../../../src/export/index.js";
import { readSafetensors, type StoredTensor, writeSafetensors } from "../../../src/files/index.js";
import { RunFolder } from "../../../src/runs/index.js";
import * as tf from "../../../src/tf/index.js";
import { resolveRun, savedConfig } from "../../../src/training/index.js";
import {
  createModelState,
  disposeModelState,
  type ModelState,
  restoreState,
  storedState,
} from "../../../src/training/model-state.js";
import { differentiate, scalarsOf } from "../../../src/training/phase-gradients.js";
import {
  drawnInputs,
  duePhases,
  gradientInputs,
  learnBesides,
  type TrainingStepParts,
  updateInputs,
} from "../../../src/training/step-parts.js";
import { TrainingStep } from "../../../src/training/training-step.js";
import { useEngine } from "../../engine.js";
import { hasPython, python } from "../../import/python.js";
import { temporaryFolder } from "../../training/tiny-runs.js";
import { type ParityCase, parityCases } from "./parity-cases.js";

const STEPS = 20;
const IMAGES = 4;
const SEED = 11;

/** Smooth images that differ from one to the next and from step to step. */
function batchOf(step: number, [height, width]: readonly [number, number]): ImageBatch {
  const random = new Random(step, "parity image");
  const pixels = new Uint8Array(IMAGES * height * width * 3);
  for (let image = 0; image < IMAGES; image++) {
    const waves = Array.from({ length: 9 }, () => random.uniform(0.05, 0.9));
    for (let at = 0; at < height * width * 3; at++) {
      const channel = at % 3;
      const [x, y] = [Math.floor(at / 3) % width, Math.floor(at / 3 / width)];
      const [a, b, c] = waves.slice(3 * channel, 3 * channel + 3) as [number, number, number];
      const value = 128 + 60 * Math.sin(a * x + 7 * c) + 50 * Math.cos(b * y + c) + random.uniform(-9, 9);
      pixels[image * height * width * 3 + at] = Math.max(0, Math.min(255, Math.round(value)));
    }
  }
  return { pixels, count: IMAGES, height, width, files: Array.from({ length: IMAGES }, (_, i) => `${i}`) };
}

/** Codes from the latents of a batch, and everything moved a little, so that nothing is 0 or 1 or symmetric. */
async function spread(state: ModelState, batch: ImageBatch): Promise<void> {
  const { model } = state;
  const latents = tf.tidy(() =>
    tf.reshape(model.encode(pixelsToTensor(batch)), [-1, model.quantizer.codeDim]),
  ) as tf.Tensor2D;
  await model.quantizer.initialize(latents);
  latents.dispose();
  for (const [name, variable] of model.variables()) {
    if (/\/(counts|shares)$/.test(name)) continue;
    const random = new Random(SEED, "parity", name);
    const noise = random.fill(variable.size, (r) => 0.03 * r.normal());
    tf.tidy(() => variable.assign(tf.add(variable, tf.tensor(noise, variable.shape))));
  }
  state.average?.reset();
}

interface Expected {
  readonly figures: ReadonlyMap<string, number>;
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly indices: Int32Array;
  readonly after: ReadonlyMap<string, Float32Array>;
  readonly average: ReadonlyMap<string, Float32Array>;
  readonly losses: readonly number[];
  readonly replaced: number;
}

async function read(tensor: tf.Tensor): Promise<StoredTensor> {
  const shape = [...tensor.shape];
  if (tensor.dtype === "int32") return { dtype: "I32", shape, data: Int32Array.from(await tensor.data()) };
  return { dtype: "F32", shape, data: Float32Array.from(await tensor.data()) };
}

async function readAll(tensors: Iterable<readonly [string, tf.Tensor]>): Promise<Map<string, StoredTensor>> {
  const found = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) found.set(name, await read(tensor));
  return found;
}

const floats = (all: ReadonlyMap<string, StoredTensor>): Map<string, Float32Array> =>
  new Map([...all].map(([name, { data }]) => [name, data as Float32Array]));

/** Writes a case's project and what Python is given, and computes what it should find. */
async function prepare(folder: string, each: ParityCase): Promise<Expected> {
  const { size = [16, 24] } = each;
  const config = resolveRun({
    ...{ recipe: null, seed: SEED, steps: STEPS, warmupSteps: 4, learningRate: 2e-3, batchSize: IMAGES },
    data: { images: ".", cropSize: [...size] },
    ...each.run,
  });
  const state = createModelState(config);
  const parts: TrainingStepParts = { ...state, seed: config.seed };
  try {
    await spread(state, batchOf(0, size));
    const start = await storedState(state);
    const run = await RunFolder.create(join(folder, "run"));
    await run.writeConfig(savedConfig(config));
    await run.writeModel({
      weights: start.weights,
      config: { model: savedConfig(config).model, quantizer: savedConfig(config).quantizer } as never,
    });
    await exportPytorch(run.dir, { out: join(folder, "project"), threads: 1 });
    const given = new Map<string, StoredTensor>();
    for (let step = 1; step <= STEPS; step++) {
      const batch = batchOf(step, size);
      const { pixels, count, height, width } = batch;
      given.set(`pixels/${step}`, { dtype: "U8", shape: [count, height, width, 3], data: pixels });
      const drawn = tf.tidy(() => drawnInputs(parts, batch, step));
      for (const [name, tensor] of await readAll(Object.entries(drawn))) {
        given.set(name.replace("quantizer/", `drawn/${step}/`), tensor);
      }
      tf.dispose(drawn);
    }
    const first = await firstStep(parts, batchOf(1, size), given);
    await writeSafetensors(join(folder, "given.safetensors"), given, {});
    restoreState(state, start);
    return { ...first, ...(await trained(parts, size)) };
  } finally {
    disposeModelState(state);
  }
}

/** Losses and gradients of step 1, and what its update makes of the state. */
async function firstStep(
  parts: TrainingStepParts,
  batch: ImageBatch,
  given: Map<string, StoredTensor>,
): Promise<Omit<Expected, "losses" | "replaced">> {
  const { model, average } = parts;
  const [phase] = duePhases(parts, 1) as [ReturnType<typeof duePhases>[number]];
  const inputs = tf.tidy(() => ({
    ...gradientInputs(batch, [phase], 1),
    ...updateInputs(parts, [phase], 1),
    ...drawnInputs(parts, batch, 1),
  }));
  const kept: tf.Tensor[] = [];
  const { total, value, gradients, pass } = differentiate(phase, { model, inputs, kept });
  const { latents, quantization } = pass;
  const figures = new Map([["totalLoss", (await total.data())[0] as number]]);
  for (const { name, value: loss } of value.terms)
    figures.set(`${name}Loss`, (await loss.data())[0] as number);
  const found = await readAll(gradients);
  for (const [name, tensor] of found) given.set(`gradient/${name}`, tensor);
  given.set("latents", await read(latents));
  given.set("indices", await read(quantization.indices));
  tf.tidy(() => {
    phase.optimizer.apply(gradients, scalarsOf(inputs, `${phase.name}/optimizer/`));
    learnBesides(parts, { latents, indices: quantization.indices }, inputs);
  });
  const after = floats(await readAll(model.variables()));
  const averages = floats(await readAll(average?.values() ?? []));
  tf.dispose([kept, inputs, total, [...gradients.values()]]);
  return {
    figures,
    gradients: floats(found),
    indices: given.get("indices")?.data as Int32Array,
    after,
    average: averages,
  };
}

async function trained(
  parts: TrainingStepParts,
  size: readonly [number, number],
): Promise<Pick<Expected, "losses" | "replaced">> {
  const losses: number[] = [];
  let replaced = 0;
  const maker = new TrainingStep(parts);
  for (let step = 1; step <= STEPS; step++) {
    const outcome = await maker.run(batchOf(step, size), step);
    losses.push(outcome.losses.totalLoss);
    replaced += outcome.others.replacedCodes ?? 0;
  }
  maker.dispose();
  return { losses, replaced };
}

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** The largest difference of two lists of one length. */
function difference(got: ArrayLike<number> | undefined, wanted: ArrayLike<number>): number {
  if (got?.length !== wanted.length) return Number.POSITIVE_INFINITY;
  return largest(Array.from(wanted, (value, i) => (got[i] as number) - value));
}

const names = Object.keys(parityCases);
const folderOf = (folder: string, name: string) =>
  join(folder, "cases", String(names.indexOf(name)).padStart(2, "0"));

const runs = hasPython("torch, safetensors, numpy, PIL");
describe.skipIf(!runs)(`PyTorch projects${runs ? "" : " (no Python with torch and safetensors)"}`, () => {
  const expected = new Map<string, Expected>();
  let folder = "";

  beforeAll(async () => {
    await useEngine();
    folder = await temporaryFolder();
    for (const name of names) {
      mkdirSync(folderOf(folder, name), { recursive: true });
      expected.set(name, await prepare(folderOf(folder, name), parityCases[name] as ParityCase));
    }
    const here = import.meta.dirname;
    execFileSync(python, [join(here, "parity.py"), resolve(here, "../../../python"), join(folder, "cases")], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, OMP_NUM_THREADS: "1" },
    });
  }, 900_000);

  it.each(names)("%s", async (name) => {
    const wanted = expected.get(name) as Expected;
    const { tensors } = await readSafetensors(join(folderOf(folder, name), "found.safetensors"));
    const found = (key: string) => tensors.get(key)?.data as ArrayLike<number> | undefined;

    expect(difference(found("indices"), wanted.indices), "indices").toBe(0);
    for (const [figure, value] of wanted.figures) {
      // Entropies are differences of several nats.
      const scale = figure === "entropyLoss" ? 1 : Math.abs(value);
      expect(difference(found(`figure/${figure}`), [value]), figure).toBeLessThan(1e-5 * scale);
    }
    const most = Math.max(...[...wanted.gradients.values()].map(largest));
    expect(wanted.gradients.size).toBeGreaterThan(8);
    let [squaredDifference, squared] = [0, 0];
    for (const [weight, gradient] of wanted.gradients) {
      const own = found(`gradient/${weight}`);
      for (const [i, value] of gradient.entries()) {
        squaredDifference += ((own?.[i] as number) - value) ** 2;
        squared += value ** 2;
      }
      const worst = difference(own, gradient);
      expect(worst, `gradient of ${weight}`).toBeLessThan(1e-5 * most);
      // What is left of sums whose terms cancel out, as of a bias before a norm, has fewer digits than they have.
      expect(worst, weight).toBeLessThan(1e-4 * Math.max(largest(gradient), 1e-2 * most));
    }
    expect(Math.sqrt(squaredDifference / squared), "all gradients").toBeLessThan(1e-5);
    for (const [weight, values] of wanted.after) {
      const scale = Math.max(1, largest(values));
      expect(difference(found(`after/${weight}`), values), `update of ${weight}`).toBeLessThan(1e-6 * scale);
    }
    for (const [weight, values] of wanted.average) {
      expect(difference(found(`average/${weight}`), values), `average of ${weight}`).toBeLessThan(1e-6);
    }
    const losses = found("losses") as ArrayLike<number>;
    for (const [step, loss] of wanted.losses.entries()) {
      expect(Math.abs((losses[step] as number) - loss), `loss of step ${step + 1}`).toBeLessThan(1e-3);
    }
    expect(Math.abs((losses[STEPS - 1] as number) - (losses[0] as number))).toBeGreaterThan(1e-4);
    expect(found("replaced")?.[0]).toBe(wanted.replaced);
    if (/replace/.test(JSON.stringify(parityCases[name]))) expect(wanted.replaced).toBeGreaterThan(0);
  });
});
