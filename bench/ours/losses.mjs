// A training step with a perceptual or an adversarial loss: the model of train-step, and LPIPS over VGG16 or PatchGAN
// beside it. The counterpart of bench/peers/losses.py.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ImageAutoencoder } from "../../dist/src/autoencoder/index.js";
import { Random } from "../../dist/src/core/random.js";
import { writeSafetensors } from "../../dist/src/files/index.js";
import { prepareObjectives } from "../../dist/src/losses/index.js";
import { backbone } from "../../dist/src/losses/perceptual/backbones.js";
import { createQuantizer } from "../../dist/src/quantizers/index.js";
import { resolveRun } from "../../dist/src/training/index.js";
import { phasesOf } from "../../dist/src/training/model-phase.js";
import { TrainingStep } from "../../dist/src/training/training-step.js";
import { countOf, PeakMemory, readArguments, report, secondsOf, startEngine } from "./common.mjs";

const options = readArguments({ loss: "perceptual", width: 64, side: 64, batch: 16, part: 0 });
const { side, batch } = options;
const runtime = await startEngine(options);

/** Random weights of VGG16 and of heads in the names and layout of torchvision and lpips. */
async function writeWeights(path) {
  const { stages, channels } = backbone("vgg");
  const random = new Random(0, "bench", "vgg");
  const tensors = new Map();
  for (const { name, shape } of stages.flatMap(({ parameters }) => parameters)) {
    const [rows, columns, inputs, outputs] = shape;
    const sides = shape.length === 4 ? [outputs, inputs, rows, columns] : shape;
    const size = sides.reduce((a, b) => a * b);
    const deviation = Math.sqrt((2 * sides[0]) / size);
    const data = random.fill(size, (r) => (shape.length === 4 ? deviation * r.normal() : 0));
    tensors.set(name.replaceAll("/", ".").replace(/kernel$/, "weight"), { dtype: "F32", shape: sides, data });
  }
  for (const [i, count] of channels.entries()) {
    const data = random.fill(count, (r) => r.next());
    tensors.set(`lin${i}.model.1.weight`, { dtype: "F32", shape: [1, count, 1, 1], data });
  }
  await writeSafetensors(path, tensors, {});
}

const folder = await mkdtemp(join(tmpdir(), "vqkit-bench-"));
const file = join(folder, "weights.safetensors");
let objectives = { adversarial: {} };
if (options.loss === "perceptual") {
  await writeWeights(file);
  // `--part N`: images that go through the network at once; 0 is the whole batch.
  const network = { kind: "vgg", weights: file, heads: file };
  objectives = { perceptual: { network, batch: options.part === 0 ? null : options.part } };
}
const config = resolveRun({
  model: { preset: "small", baseWidth: options.width },
  quantizer: { kind: "vq", codebookSize: 1024, codeDim: 64, initialization: "normal" },
  recipe: null,
  data: { images: "none", cropSize: [side, side] },
  objectives,
  gradientClip: null,
});
const prepared = await prepareObjectives(config.objectives);
await rm(folder, { recursive: true });
const quantizer = createQuantizer(config.quantizer, 0);
const model = ImageAutoencoder.create({ config: config.model, quantizer, seed: 0 });
const phases = phasesOf(config, model, prepared);
const step = new TrainingStep({ model, phases, average: null });
const memory = new PeakMemory();
const images = [0, 1, 2, 3].map((i) => {
  const random = new Random(i, "bench", "images");
  const pixels = Uint8Array.from({ length: batch * side * side * 3 }, () => random.integer(256));
  return { pixels, count: batch, height: side, width: side, files: Array(batch).fill("") };
});
const durations = await secondsOf((index) => step.run(images[index % 4], index + 1), {
  repeats: options.repeats,
  warmup: 3,
});
const measures = {
  speed: durations.map((seconds) => batch / seconds),
  memory: [memory.megabytes()],
  resident: [memory.resident()],
};
const parameters = phases.reduce((sum, { variables }) => sum + countOf(variables), 0);
report(measures, { parameters, batch, runtime });
