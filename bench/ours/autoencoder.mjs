// The counterpart of bench/peers/autoencoder.py, with the model that `vqkit train` makes from the preset "small".
// usage: autoencoder.mjs --mode train|encode [--engine auto] [--width 64] [--batch 32] [--threads 2] [--repeats 15]
import * as tf from "@tensorflow/tfjs";
import { freezeTensors, RecordedFunction } from "../../dist/src/backend/index.js";
import { countOf, randomTensor, readArguments, report, secondsOf, startEngine } from "./common.mjs";
import { trainable } from "./training-step.mjs";

const options = readArguments({ mode: "train", engine: "auto", width: 64, batch: 32 });
const runtime = await startEngine(options.threads, options.engine);
const { model, quantizer, variables, step, scalars } = trainable({
  width: options.width,
  codebookSize: 1024,
});
const images = [0, 1, 2, 3].map((i) =>
  randomTensor([options.batch, 64, 64, 3], i, (random) => random.uniform(-1, 1)),
);

const repeated = new RecordedFunction(step);

async function train(index) {
  const changing = scalars(index);
  const { loss } = await repeated.call({ pixels: images[index % 4], ...changing });
  await readAndDispose(loss);
  tf.dispose(changing);
}

/** As a tokenizer does it, whose weights do not change. */
async function encode(index) {
  const indices = tf.tidy(() => quantizer.quantize(model.encode(images[index % 4])).indices);
  await readAndDispose(indices);
}

async function readAndDispose(tensor) {
  await tensor.data();
  tensor.dispose();
}

if (options.mode === "encode") freezeTensors(model.variables().values());
const call = options.mode === "train" ? train : encode;
const durations = await secondsOf(call, { repeats: options.repeats, warmup: 3 });
const facts = { parameters: countOf(variables), batch: options.batch, runtime };
report({ speed: durations.map((seconds) => options.batch / seconds) }, facts);
