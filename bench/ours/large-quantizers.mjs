// The counterpart of bench/peers/large_quantizers.py: one quantizer with very many codes, forward and backward, and the
// codebook's own learning.
// usage: large-quantizers.mjs --kind KIND [--size 262144] [--vectors 8192] [--dim 16] [--threads 2] [--repeats 3]
import { RecordedFunction } from "../../dist/src/backend/index.js";
import { Random } from "../../dist/src/core/random.js";
import { createQuantizer } from "../../dist/src/quantizers/index.js";
import * as tf from "../../dist/src/tf/index.js";
import {
  countOf,
  PeakMemory,
  randomTensor,
  readArguments,
  report,
  secondsOf,
  startEngine,
} from "./common.mjs";

const options = readArguments({ kind: "vq", size: 262_144, vectors: 8192, dim: 16, repeats: 3 });

const table = { codebookSize: options.size, codeDim: options.dim, initialization: "normal" };
const levels = Array(Math.round(Math.log(options.size) / Math.log(8))).fill(8);
const codeDim = Math.round(Math.log2(options.size));
const configs = {
  vq: { kind: "vq", ...table },
  rotation: { kind: "rotation", ...table },
  simvq: { kind: "simvq", ...table },
  ema: { kind: "vq", codebook: "ema", ...table },
  sphere: { kind: "vq", codebook: "sphere", ...table },
  "ema-sphere": { kind: "vq", codebook: "ema-sphere", ...table },
  frozen: { kind: "vq", codebook: "frozen", ...table },
  "inner-product": { kind: "vq", codebook: "inner-product", ...table },
  ibq: { kind: "vq", codebook: "inner-product", gradient: "softmax", ...table },
  entropy: { kind: "vq", codebook: "inner-product", entropyWeight: 0.05, ...table },
  diveq: { kind: "vq", gradient: "diveq", commitmentWeight: 0.25, codebookWeight: 1, ...table },
  nsvq: { kind: "vq", gradient: "nsvq", commitmentWeight: 0.25, codebookWeight: 1, ...table },
  fsq: { kind: "fsq", levels },
  fsp: { kind: "fsp", levels },
  lfq: { kind: "lfq", codeDim },
  bsq: { kind: "bsq", codeDim },
};

const runtime = await startEngine(options);
const quantizer = createQuantizer(configs[options.kind], 0);
const trainable = new Map([...quantizer.variables()].filter(([, variable]) => variable.trainable));
// One image of 64 rows: the quantizer sees 8,192 vectors however they are arranged.
const grid = [1, 64, options.vectors / 64];
const shape = [...grid, quantizer.codeDim];
const latents = tf.tidy(() => tf.variable(randomTensor(shape, "latents", (random) => random.normal())));
const draws = quantizer.trainingInputs !== undefined;

// As in training, where a step is recorded once and then repeated.
const computed = new RecordedFunction((drawn) => {
  let chosen;
  const lossOf = () => {
    const { quantized, indices, losses } = quantizer.quantize(latents, draws ? drawn : undefined);
    chosen = tf.keep(indices);
    const own = Object.entries(losses).map(([name, loss]) => tf.mul(loss, quantizer.lossWeights[name]));
    return [tf.mean(tf.square(quantized)), ...own].reduce((sum, term) => tf.add(sum, term)).asScalar();
  };
  const { value, grads } = tf.variableGrads(lossOf, [latents, ...trainable.values()]);
  quantizer.updateCodebook(latents, chosen);
  return { value, chosen, ...grads };
});

async function step(index) {
  const random = new Random(0, "bench noise", index);
  const drawn = quantizer.trainingInputs?.({ step: index + 1, grid, random }) ?? {};
  const results = await computed.call(drawn);
  try {
    await results.value.data(); // what is recorded is computed when it is read
  } finally {
    tf.dispose([results, drawn]);
  }
}

const memory = new PeakMemory();
const durations = await secondsOf(step, { repeats: options.repeats, warmup: 2 });
const measures = { time: durations.map((seconds) => 1e3 * seconds), memory: [memory.megabytes()] };
report(measures, { parameters: countOf(trainable), vectors: options.vectors, runtime });
