import assert from "node:assert/strict";
import { Random } from "../../core/random.js";
import * as tf from "../../tf/index.js";
import type { Quantizer } from "../quantizer.js";

/** N, H, W. */
export type Grid = readonly [number, number, number];

/** Batch and grids of the test latents: not square, and down to a single position; of a sequence the one it takes. */
export function gridsOf({ sequence }: Quantizer): readonly [Grid, ...Grid[]] {
  if (sequence !== undefined) {
    const { side } = sequence;
    return [
      [2, side, side],
      [1, side, side],
    ];
  }
  return [
    [2, 3, 4],
    [1, 5, 2],
    [1, 1, 1],
  ];
}

/** Shape of the indices of latents on a grid. */
export function indexShape({ sequence, numCodebooks }: Quantizer, [n, h, w]: Grid): number[] {
  const length = sequence?.scales.reduce((sum, side) => sum + side ** 2, 0);
  return length === undefined ? [n, h, w, numCodebooks] : [n, 1, length, numCodebooks];
}

/** Builds a quantizer, initializes it from seeded latents where it wants that, and disposes it in the end. */
export async function using(
  make: () => Quantizer,
  body: (quantizer: Quantizer) => Promise<void>,
): Promise<void> {
  const quantizer = make();
  try {
    const count = quantizer.latentsForInitialization;
    if (count > 0) {
      const draws = new Random(1, "contract", "initialization").fill(count * quantizer.codeDim, (r) =>
        r.normal(),
      );
      const latents = tf.tensor2d(draws, [count, quantizer.codeDim]);
      await quantizer.initialize(latents);
      latents.dispose();
    }
    await body(quantizer);
  } finally {
    quantizer.dispose();
  }
}

export async function withLatents(
  quantizer: Quantizer,
  grid: Grid,
  body: (latents: tf.Tensor4D) => Promise<void>,
): Promise<void> {
  const latents = randomLatents(quantizer.codeDim, grid, "latents");
  try {
    await body(latents);
  } finally {
    latents.dispose();
  }
}

export function randomLatents(codeDim: number, grid: Grid, label: string): tf.Tensor4D {
  const shape: [number, number, number, number] = [...grid, codeDim];
  return tf.tensor4d(
    new Random(2, "contract", label).fill(tf.util.sizeFromShape(shape), (r) => r.normal()),
    shape,
  );
}

export function gradientOf(latents: tf.Tensor4D, f: (z: tf.Tensor4D) => tf.Tensor): tf.Tensor4D {
  return tf.grad((z) => f(z as tf.Tensor4D))(latents) as tf.Tensor4D;
}

/** Indices and quantized bytes for fixed latents. */
export async function behaviour(quantizer: Quantizer): Promise<unknown> {
  const latents = randomLatents(quantizer.codeDim, gridsOf(quantizer)[0], "latents");
  const output = quantizer.quantize(latents);
  const result = [await output.indices.data(), await bytesOf(output.quantized)];
  tf.dispose([latents, output]);
  return result;
}

export async function stateOf(quantizer: Quantizer): Promise<Record<string, unknown>> {
  const state: Record<string, unknown> = {};
  for (const [name, variable] of quantizer.variables()) state[name] = await bytesOf(variable);
  return state;
}

export function copyState(from: Quantizer, to: Quantizer): void {
  const source = from.variables();
  const target = to.variables();
  assert.deepEqual([...target.keys()], [...source.keys()], "names of the variables");
  for (const [name, variable] of target) variable.assign(source.get(name) as tf.Variable);
}

/** Bit patterns: tells 0 from −0, which deepEqual on floats in some versions of Node does not. */
export async function bytesOf(tensor: tf.Tensor): Promise<Uint8Array> {
  const values = await tensor.data();
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength).slice();
}

export async function rowsOf(tensor: tf.Tensor, dim: number): Promise<number[][]> {
  const values = Array.from(await tensor.data());
  return Array.from({ length: values.length / dim }, (_, row) => values.slice(row * dim, (row + 1) * dim));
}

export function centralDifferences(at: readonly number[], f: (x: readonly number[]) => number): number[] {
  const step = 1e-4;
  return at.map((value, i) => {
    const above = f(at.with(i, value + step));
    const below = f(at.with(i, value - step));
    return (above - below) / (2 * step);
  });
}

export function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0);
}

/** Absolute and relative; float32 arithmetic over a few dozen numbers keeps well inside 1e-3. NaN fails. */
export function assertClose(
  got: readonly number[],
  expected: readonly number[],
  what: string,
  tolerance = 1e-3,
): void {
  assert.equal(got.length, expected.length, `${what}: length`);
  const scale = Math.max(...expected.map(Math.abs), 1e-2);
  got.forEach((value, i) => {
    const wanted = expected[i] as number;
    assert.ok(
      Math.abs(value - wanted) <= tolerance * scale,
      `${what}, item ${i}: expected ${wanted}, got ${value}`,
    );
  });
}
