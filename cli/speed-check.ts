import { ImageAutoencoder, resolveModel } from "../src/autoencoder/index.js";
import { type EngineOptions, selectEngine } from "../src/backend/index.js";
import { Random } from "../src/core/random.js";
import { reconstructionLoss } from "../src/losses/index.js";
import { createQuantizer } from "../src/quantizers/index.js";
import * as tf from "../src/tf/index.js";

/** How fast the engine computes here; a rough figure from a fraction of a second each. */
export interface Speed {
  /** 1024×1024 times 1024×1024. */
  readonly matrixProductGflops: number;
  /** 3×3, 64 to 64 channels, 32×32, 16 images, forward. */
  readonly convolutionGflops: number;
  /** Forward and backward through the preset tiny with vq, 64×64 crops, 16 at a time, without the optimizer. */
  readonly trainingImagesPerSecond: number;
}

/** Measures for about two seconds. */
export async function checkSpeed(options: EngineOptions): Promise<Speed> {
  await selectEngine(options);
  return {
    matrixProductGflops: await matrixProductSpeed(),
    convolutionGflops: await convolutionSpeed(),
    trainingImagesPerSecond: await trainingSpeed(),
  };
}

/** Calls in the best `milliseconds / 4` or so, after one that compiles: other programs only ever slow a call down. */
async function callsPerSecond(call: () => Promise<unknown>, milliseconds: number): Promise<number> {
  await call();
  let best = Number.POSITIVE_INFINITY;
  const end = performance.now() + milliseconds;
  while (performance.now() < end) {
    const start = performance.now();
    await call();
    best = Math.min(best, performance.now() - start);
  }
  return 1000 / best;
}

/** One number of a result, so that it is computed and yet not copied out whole. */
function force(result: () => tf.Tensor): () => Promise<unknown> {
  return async () => {
    const scalar = tf.tidy(() => tf.max(result()));
    try {
      return await scalar.data();
    } finally {
      scalar.dispose();
    }
  };
}

async function matrixProductSpeed(): Promise<number> {
  const size = 1024;
  const [a, b] = [noise([size, size], "a"), noise([size, size], "b")];
  try {
    return (
      ((await callsPerSecond(
        force(() => tf.matMul(a, b)),
        500,
      )) *
        2 *
        size ** 3) /
      1e9
    );
  } finally {
    tf.dispose([a, b]);
  }
}

async function convolutionSpeed(): Promise<number> {
  const [images, side, channels] = [16, 32, 64];
  const x = noise([images, side, side, channels], "x") as tf.Tensor4D;
  const filter = noise([3, 3, channels, channels], "filter") as tf.Tensor4D;
  try {
    const flop = 2 * images * side * side * 9 * channels * channels;
    return (
      ((await callsPerSecond(
        force(() => tf.conv2d(x, filter, 1, "same")),
        500,
      )) *
        flop) /
      1e9
    );
  } finally {
    tf.dispose([x, filter]);
  }
}

async function trainingSpeed(): Promise<number> {
  const [images, side] = [16, 64];
  const quantizer = createQuantizer({ kind: "vq", codebookSize: 1024 }, 0);
  const model = ImageAutoencoder.create({ config: resolveModel({ preset: "tiny" }), quantizer, seed: 0 });
  const pixels = noise([images, side, side, 3], "pixels") as tf.Tensor4D;
  const loss = { l1: 0, l2: 1, huber: 0, ssim: 0, huberDelta: 1 };
  try {
    const step = force(() => {
      const { value, grads } = tf.variableGrads(
        () => reconstructionLoss(pixels, model.forward(pixels).reconstruction, loss).total,
      );
      // Every gradient has to be computed: the sum of their sums depends on all.
      return tf.addN([value, ...Object.values(grads).map((gradient) => tf.sum(gradient))]);
    });
    return (await callsPerSecond(step, 1000)) * images;
  } finally {
    pixels.dispose();
    model.dispose();
  }
}

function noise(shape: number[], label: string): tf.Tensor {
  const values = new Random(0, "speed-check", label).fill(tf.util.sizeFromShape(shape), (r) =>
    r.uniform(-1, 1),
  );
  return tf.tensor(values, shape);
}
