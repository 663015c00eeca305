import { ImageAutoencoder, modelPresets } from "../../dist/src/autoencoder/index.js";
import { createOptimizer } from "../../dist/src/nn/optimizer/index.js";
import { createQuantizer } from "../../dist/src/quantizers/index.js";
import * as tf from "../../dist/src/tf/index.js";

/**
 * The model that `vqkit train` makes from a preset, at any width, and its training step: forward, backward, Adam.
 * `step({ pixels, ...scalars })` makes `{ loss }`; `scalars(index)` are what changes from step to step.
 */
export function trainable({ preset = "small", width, codebookSize }) {
  const quantizer = createQuantizer({ kind: "vq", codebookSize, codeDim: 64, initialization: "normal" }, 0);
  const config = { ...modelPresets[preset], baseWidth: width };
  const model = ImageAutoencoder.create({ config, quantizer, seed: 0 });
  const variables = model.trainableVariables();
  const adam = { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };
  const optimizer = createOptimizer(variables, adam);

  function lossOf(pixels) {
    const { reconstruction, quantization } = model.forward(pixels);
    const { codebook, commitment } = quantization.losses;
    const auxiliary = tf.add(codebook, tf.mul(commitment, 0.25));
    return tf.add(tf.mean(tf.square(tf.sub(reconstruction, pixels))), auxiliary).asScalar();
  }

  function step({ pixels, ...scalars }) {
    const { value, grads } = tf.variableGrads(() => lossOf(pixels), [...variables.values()]);
    const gradients = new Map([...variables].map(([name, variable]) => [name, grads[variable.name]]));
    optimizer.apply(gradients, scalars);
    return { loss: value };
  }

  const scalars = (index) => optimizer.stepScalars({ learningRate: 3e-4, step: index + 1 });
  return { model, quantizer, variables, step, scalars };
}
