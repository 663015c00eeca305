/**
 * TensorFlow.js, to be imported from here alone: tfjs-core with its gradients, its chained operations and its own slow
 * backend. The package has it in one file, which `tools/bundle-tf.mjs` makes, so that there is one TensorFlow.js for
 * vqkit and for whoever writes a quantizer or a loss: `import * as tf from "vqkit/tf"`.
 */

// Registers the gradients, which tfjs-core alone leaves out.
import "@tensorflow/tfjs";

export * from "@tensorflow/tfjs-core";
