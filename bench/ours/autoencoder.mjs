// The counterpart of bench/peers/autoencoder.py, with the model that `vqkit train` makes from a preset.
// usage: autoencoder.mjs --mode train|encode|decode [--preset small] [--width 64] [--side 64] [--batch 32]
//   [--engine auto] [--device cpu] [--threads 2] [--repeats 15]

import { freezeTensors, RecordedFunction } from "../../dist/src/backend/index.js";
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
import { trainable } from "./training-step.mjs";

const options = readArguments({
  mode: "train",
  engine: "auto",
  preset: "small",
  width: 64,
  side: 64,
  batch: 32,
});
const { mode, preset, width, side, batch } = options;
const deviceMemory = new DeviceMemory(options.device);
const runtime = await startEngine(options);
const { model, quantizer, variables, step, scalars } = trainable({ preset, width, codebookSize: 1024 });
const memory = new PeakMemory();
const images = [0, 1, 2, 3].map((i) =>
  randomTensor([batch, side, side, 3], i, (random) => random.uniform(-1, 1)),
);
const grid = side / model.config.downsamplingFactor;
const codes = [0, 1, 2, 3].map((i) =>
  tf.cast(
    tf.floor(randomTensor([batch, grid, grid, 1], `codes ${i}`, (random) => random.uniform(0, 1024))),
    "int32",
  ),
);

// Codes are known before anything is measured: otherwise a call computes its own as well, in a graph of another form.
for (const each of codes) await each.data();

const repeated = new RecordedFunction(step);

async function train(index) {
  const changing = scalars(index);
  const { loss } = await repeated.call({ pixels: images[index % 4], ...changing });
  await readAndDispose(loss);
  tf.dispose(changing);
}

// As a tokenizer does it, whose weights do not change and whose passes over one shape are repeated.
const encoding = new RecordedFunction(({ pixels }) => ({
  indices: quantizer.quantize(model.encode(pixels)).indices,
}));
const decoding = new RecordedFunction(({ indices }) => ({
  image: model.decode(quantizer.indicesToCodes(indices)),
}));

async function encode(index) {
  const { indices } = await encoding.call({ pixels: images[index % 4] });
  await readAndDispose(indices);
}

/** Read, as what is decoded is wanted outside the engine. */
async function decode(index) {
  const { image } = await decoding.call({ indices: codes[index % 4] });
  await readAndDispose(image);
}

async function readAndDispose(tensor) {
  await tensor.data();
  tensor.dispose();
}

if (mode !== "train") freezeTensors(model.variables().values());
const durations = await secondsOf({ train, encode, decode }[mode], { repeats: options.repeats, warmup: 3 });
const measures = {
  speed: durations.map((seconds) => batch / seconds),
  memory: [memory.megabytes()],
  resident: [memory.resident()],
  "device-memory": [deviceMemory.megabytes()],
};
report(measures, { parameters: countOf(variables), batch, runtime });
