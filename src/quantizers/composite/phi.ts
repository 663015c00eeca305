/**
 * The convolutions φ of a multi-scale quantizer: what an upsampled grid of codes goes through before it is added.
 *
 * Tian et al. 2024 (VAR), https://arxiv.org/abs/2404.02905, algorithms 1 and 2; in its code φ(h) = (1 − ρ)·h + ρ·conv(h)
 * with a 3×3 convolution and ρ = `quant_resi`, and scales share φs.
 */
import type { GraphWriter } from "../../backend/index.js";
import type { Random } from "../../core/random.js";
import type { Rank, Tensor2D, Tensor4D, Variable } from "../../tf/index.js";
import { tf } from "../tfjs.js";

const SIDE = 3;

/** Values of a φ as a graph has them. */
export interface PhiValues {
  /** [9·D, D] row by row. */
  readonly kernel: Float32Array;
  /** [D] */
  readonly bias: Float32Array;
}

/** One φ. Its convolution is a product of patches with a matrix, in the engine and in exported files alike. */
export class Phi {
  readonly #ratio: number;
  readonly #kernel: Variable<Rank.R2>; // [9*D, D]
  readonly #bias: Variable<Rank.R1>; // [D]

  /** @param random draws U(−1/√(9D), 1/√(9D)), as PyTorch's `Conv2d` starts */
  constructor(codeDim: number, ratio: number, random: Random) {
    const inputs = SIDE * SIDE * codeDim;
    const limit = 1 / Math.sqrt(inputs);
    const draw = (length: number): Float32Array => random.fill(length, (r) => r.uniform(-limit, limit));
    this.#ratio = ratio;
    [this.#kernel, this.#bias] = tf.tidy(() => [
      tf.variable(tf.tensor2d(draw(inputs * codeDim), [inputs, codeDim])),
      tf.variable(tf.tensor1d(draw(codeDim))),
    ]);
  }

  /** [N, S, S, D] → the same. */
  apply(grid: Tensor4D): Tensor4D {
    const [n, h, w, d] = grid.shape;
    const framed = tf.pad(grid, [
      [0, 0],
      [1, 1],
      [1, 1],
      [0, 0],
    ]) as Tensor4D;
    const shifted: Tensor4D[] = [];
    for (let y = 0; y < SIDE; y++) {
      for (let x = 0; x < SIDE; x++) shifted.push(tf.slice(framed, [0, y, x, 0], [n, h, w, d]));
    }
    const patches: Tensor2D = tf.reshape(tf.concat(shifted, 3), [n * h * w, SIDE * SIDE * d]);
    const made = tf.add(tf.matMul(patches, this.#kernel), this.#bias);
    return tf.add(tf.mul(grid, 1 - this.#ratio), tf.mul(tf.reshape(made, grid.shape), this.#ratio));
  }

  variables(): ReadonlyMap<string, Variable> {
    return new Map<string, Variable>([
      ["kernel", this.#kernel],
      ["bias", this.#bias],
    ]);
  }

  async values(): Promise<PhiValues> {
    const [kernel, bias] = await Promise.all([this.#kernel.data(), this.#bias.data()]);
    return { kernel: Float32Array.from(kernel), bias: Float32Array.from(bias) };
  }

  dispose(): void {
    this.#kernel.dispose();
    this.#bias.dispose();
  }
}

/** The same, operator for operator. @param grid [N, side, side, D] */
export function writePhi(
  g: GraphWriter,
  grid: string,
  { side, ratio, values }: { readonly side: number; readonly ratio: number; readonly values: PhiValues },
): string {
  const d = values.bias.length;
  const framed = g.op("Pad", [grid, g.int64s([0, 1, 1, 0, 0, 1, 1, 0])], { mode: "constant" });
  const shifted: string[] = [];
  for (let y = 0; y < SIDE; y++) {
    for (let x = 0; x < SIDE; x++) {
      const bounds = [g.int64s([y, x]), g.int64s([y + side, x + side]), g.int64s([1, 2])];
      shifted.push(g.op("Slice", [framed, ...bounds]));
    }
  }
  const patches = g.reshape(g.op("Concat", shifted, { axis: 3 }), [-1, SIDE * SIDE * d]);
  const kernel = g.constant("kernel", values.kernel, [SIDE * SIDE * d, d]);
  const product = g.op("Gemm", [patches, kernel], { transA: 0, transB: 0 });
  const biased = g.op("Add", [product, g.constant("bias", values.bias, [d])]);
  const made = g.reshape(biased, [-1, side, side, d]);
  const kept = g.op("Mul", [grid, g.scalar(1 - ratio)]);
  return g.op("Add", [kept, g.op("Mul", [made, g.scalar(ratio)])]);
}

/**
 * Which of `count` φs each of `scales` scales takes, as VAR's code has it: the one whose tick is nearest to the scale's
 * place in 0..1.
 */
export function phiOfScale(scales: number, count: number): number[] {
  // Of ten scales and four φs, as VAR has them, two are equally near to two ticks: rounded as there, by numpy's linspace.
  const first = 1 / (count === 4 ? 3 : 2) / count;
  const last = 1 - first;
  const step = (last - first) / Math.max(1, count - 1);
  const ticks = Array.from({ length: count }, (_, i) => (i > 0 && i === count - 1 ? last : i * step + first));
  return Array.from({ length: scales }, (_, scale) => {
    const place = scales === 1 ? 0 : scale / (scales - 1);
    const distances = ticks.map((tick) => Math.abs(tick - place));
    return distances.indexOf(Math.min(...distances));
  });
}
