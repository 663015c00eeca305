/**
 * An ordinary tf.layers program on vqkit's engine: nothing here knows of image tokenizers.
 *
 *   node dist/samples/layers-on-onnxruntime.js
 */
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { selectEngine } from "vqkit/backend";

/** Learns to tell horizontal from vertical stripes in noisy 8×8 pictures; returns losses by epoch and the accuracy. */
export async function main({ epochs = 8, examples = 256, threads = 1 } = {}): Promise<{
  readonly losses: readonly number[];
  readonly accuracy: number;
}> {
  await selectEngine({ engine: "onnxruntime", threads });
  const model = tf.sequential({
    layers: [
      tf.layers.conv2d({
        inputShape: [8, 8, 1],
        filters: 8,
        kernelSize: 3,
        activation: "relu",
        kernelInitializer: seeded(1),
      }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 2, activation: "softmax", kernelInitializer: seeded(2) }),
    ],
  });
  model.compile({ optimizer: tf.train.adam(0.01), loss: "categoricalCrossentropy" });
  const { images, labels } = stripes(examples);
  const { history } = await model.fit(images, labels, { epochs, batchSize: 32, shuffle: false, verbose: 0 });

  const right = tf.tidy(() =>
    tf.equal((model.predict(images) as tf.Tensor).argMax(1), labels.argMax(1)).mean(),
  );
  const [accuracy = Number.NaN] = await right.data();
  tf.dispose([images, labels, right]);
  model.dispose();
  return { losses: history.loss as number[], accuracy };
}

function seeded(seed: number) {
  return tf.initializers.glorotUniform({ seed });
}

/** Every other picture has vertical stripes; the noise is as strong as the stripes. */
function stripes(count: number): { readonly images: tf.Tensor4D; readonly labels: tf.Tensor2D } {
  return tf.tidy(() => {
    const kinds = Array.from({ length: count }, (_, i) => i % 2);
    const clean = kinds.map((kind) =>
      grid((row, column) => ((kind === 0 ? row : column) % 2 === 0 ? 1 : -1)),
    );
    const noise = tf.randomNormal([count, 8, 8, 1], 0, 1, "float32", 7);
    return {
      images: tf.add(tf.tensor4d(clean), noise),
      labels: tf.oneHot(tf.tensor1d(kinds, "int32"), 2).toFloat() as tf.Tensor2D,
    };
  });
}

function grid(value: (row: number, column: number) => number): number[][][] {
  return Array.from({ length: 8 }, (_, row) =>
    Array.from({ length: 8 }, (_, column) => [value(row, column)]),
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { losses, accuracy } = await main();
  console.log(
    `loss ${losses.map((loss) => loss.toFixed(3)).join(" → ")}; ${(100 * accuracy).toFixed(1)} % right`,
  );
}
