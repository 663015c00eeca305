// The counterpart of bench/peers/quantizers.py: one quantizer alone, forward and backward.
// usage: quantizers.mjs --kind vq|rotation|simvq|fsq [--size 65536] [--vectors 8192] [--dim 64] [--device cpu] [--threads 2]
//   [--repeats 5]

import { RecordedFunction } from "../../dist/src/backend/index.js";
import { createQuantizer } from "../../dist/src/quantizers/index.js";
import * as tf from "../../dist/src/tf/index.js";
import {
  countOf,
  DeviceMemory,
  PeakMemory,
  randomTensor,
  readArguments,
  report,
  secondsOf,
  startEngine,
} from "./common.mjs";

const fsqLevels = { 1000: [8, 5, 5, 5], 64000: [8, 8, 8, 5, 5, 5] };

const options = readArguments({ kind: "vq", size: 65_536, vectors: 8192, dim: 64, repeats: 5 });
const deviceMemory = new DeviceMemory(options.device);
const runtime = await startEngine(options);

const config =
  options.kind === "fsq"
    ? { kind: "fsq", levels: fsqLevels[options.size] }
    : { kind: options.kind, codebookSize: options.size, codeDim: options.dim, initialization: "normal" };
const quantizer = createQuantizer(config, 0);
const trainable = new Map([...quantizer.variables()].filter(([, variable]) => variable.trainable));
// One image of 64 rows: the quantizer sees 8,192 vectors however they are arranged.
const shape = [1, 64, options.vectors / 64, quantizer.codeDim];
const latents = tf.tidy(() => tf.variable(randomTensor(shape, "latents", (random) => random.normal())));

function lossOf() {
  const { quantized, losses } = quantizer.quantize(latents);
  const own = Object.entries(losses).map(([name, loss]) => tf.mul(loss, quantizer.lossWeights[name]));
  const terms = [tf.mean(tf.square(quantized)), ...own];
  return terms.reduce((sum, term) => tf.add(sum, term)).asScalar();
}

// As in training, where a step is recorded once and then repeated.
const computed = new RecordedFunction(() => {
  const { value, grads } = tf.variableGrads(lossOf, [latents, ...trainable.values()]);
  return { value, ...grads };
});

async function step() {
  const results = await computed.call({});
  try {
    await results.value.data(); // what is recorded is computed when it is read
  } finally {
    tf.dispose(results);
  }
}

const memory = new PeakMemory();
const durations = await secondsOf(step, { repeats: options.repeats, warmup: 2 });
const measures = {
  time: durations.map((seconds) => 1e3 * seconds),
  memory: [memory.megabytes()],
  "device-memory": [deviceMemory.megabytes()],
};
report(measures, { parameters: countOf(trainable), vectors: options.vectors, runtime });
