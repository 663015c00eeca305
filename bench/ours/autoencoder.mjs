// The counterpart of bench/peers/autoencoder.py, with the model that `vqkit train` makes from the preset "small".
// usage: autoencoder.mjs --mode train|encode [--engine auto] [--width 64] [--batch 32] [--threads 2] [--repeats 15]
import * as tf from "@tensorflow/tfjs";
import { ImageAutoencoder, modelPresets } from "../../dist/src/autoencoder/index.js";
import { freezeTensors, RecordedFunction } from "../../dist/src/backend/index.js";
import { createQuantizer } from "../../dist/src/quantizers/index.js";
import { Adam } from "../../dist/src/training/optimizer.js";
import { countOf, randomTensor, readArguments, report, secondsOf, startEngine } from "./common.mjs";

const options = readArguments({ mode: "train", engine: "auto", width: 64, batch: 32 });
const runtime = await startEngine(options.threads, options.engine);

const quantizer = createQuantizer(
  { kind: "vq", codebookSize: 1024, codeDim: 64, initialization: "normal" },
  0,
);
const model = ImageAutoencoder.create({
  config: { ...modelPresets.small, baseWidth: options.width },
  quantizer,
  seed: 0,
});
const variables = model.trainableVariables();
const optimizer = new Adam(variables, {
  kind: "adam",
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
});
const images = [0, 1, 2, 3].map((i) =>
  randomTensor([options.batch, 64, 64, 3], i, (random) => random.uniform(-1, 1)),
);

function lossOf(pixels) {
  const { reconstruction, quantization } = model.forward(pixels);
  const { codebook, commitment } = quantization.losses;
  const auxiliary = tf.add(codebook, tf.mul(commitment, 0.25));
  return tf.add(tf.mean(tf.square(tf.sub(reconstruction, pixels))), auxiliary).asScalar();
}

const names = [...variables.keys()];
const step = new RecordedFunction(({ pixels, ...scalars }) => {
  const { value, grads } = tf.variableGrads(() => lossOf(pixels), [...variables.values()]);
  const gradients = new Map(names.map((name) => [name, grads[variables.get(name).name]]));
  optimizer.apply(gradients, scalars);
  return { loss: value };
});

async function train(index) {
  const scalars = optimizer.stepScalars({ learningRate: 3e-4, step: index + 1 });
  const { loss } = await step.call({ pixels: images[index % 4], ...scalars });
  await readAndDispose(loss);
  tf.dispose(scalars);
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
