import type { ImageAutoencoder } from "../../src/autoencoder/index.js";
import { floatsOf, type TensorMap } from "../../src/files/index.js";
import * as tf from "../../src/tf/index.js";

/** How far a model is from what PyTorch computed. */
export interface Agreement {
  /** Largest difference of latents, in their standard deviations. */
  readonly latents: number;
  /** Indices that differ where the two nearest codes are further apart than 1e-4 of the latents' variance. */
  readonly wrong: number;
  /** The share of indices that differ where they are not. */
  readonly undecided: number;
  /** Differences of decoded pixels, largest and mean; null for an encoder by itself. */
  readonly decoded: { readonly largest: number; readonly mean: number } | null;
}

/** @param expected `images`, `latents`, `indices`, `margin` and `decoded` of tools/make-tokenizer-fixtures.py */
export async function agreementOf(model: ImageAutoencoder, expected: TensorMap): Promise<Agreement> {
  const images = imagesOf(expected, "images");
  const latents = model.encode(images);
  const wanted = imagesOf(expected, "latents");
  const [made, given] = [await latents.data(), await wanted.data()];
  const deviation = standardDeviation(given);
  const indices = Int32Array.from(expected.get("indices")?.data ?? [], Number);
  const found = await model.quantizer.quantize(latents).indices.data();
  const margin = expected.get("margin")?.data ?? [];
  const isUndecided = (i: number) => Number(margin[i]) < 1e-4 * deviation ** 2;
  const different = [...indices.keys()].filter((i) => found[i] !== indices[i]);
  return {
    latents: largest(made, given) / deviation,
    wrong: different.filter((i) => !isUndecided(i)).length,
    undecided: different.filter(isUndecided).length / indices.length,
    decoded: expected.has("decoded") ? await decodedOf(model, expected, indices) : null,
  };
}

async function decodedOf(model: ImageAutoencoder, expected: TensorMap, indices: Int32Array) {
  const shape = expected.get("indices")?.shape as [number, number, number];
  const pixels = model.decode(
    model.quantizer.indicesToCodes(tf.tensor(indices, [...shape, 1], "int32") as tf.Tensor4D),
  );
  const [made, given] = [await pixels.data(), Array.from(await imagesOf(expected, "decoded").data())];
  const sum = given.reduce((total, value, i) => total + Math.abs(value - (made[i] as number)), 0);
  return { largest: largest(made, given), mean: sum / given.length };
}

/** [N, C, H, W] → [N, H, W, C] */
function imagesOf(expected: TensorMap, name: string): tf.Tensor4D {
  const tensor = expected.get(name);
  const values = tensor === undefined ? undefined : floatsOf(tensor);
  if (tensor === undefined || values === undefined) throw new TypeError(`no ${name}`);
  return tf.transpose(tf.tensor4d(values, tensor.shape as [number, number, number, number]), [0, 2, 3, 1]);
}

function standardDeviation(values: ArrayLike<number>): number {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length);
}

function largest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs((a[i] as number) - (b[i] as number)));
  return most;
}
