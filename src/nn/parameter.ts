import { Random } from "../core/random.js";

/** How a parameter starts: from U(-b, b), from a normal distribution of that standard deviation (around 0 unless said), or as one number. */
export type Start =
  | { readonly uniform: number }
  | { readonly normal: number; readonly mean?: number }
  | { readonly constant: number };

/** One tensor that a network holds: its name, its shape, and how it starts. */
export interface Parameter {
  /** E.g. `encoder/stage1/block0/conv1/kernel`. */
  readonly name: string;
  /** Kernels [height, width, in, out]; biases, scales and offsets [channels]. */
  readonly shape: readonly number[];
  readonly start: Start;
  /** false for what training keeps without a gradient, such as running statistics. Default true. */
  readonly trainable?: boolean;
}

/** How many numbers a parameter holds. */
export function sizeOf({ shape }: Pick<Parameter, "shape">): number {
  return shape.reduce((product, side) => product * side, 1);
}

/** A parameter's first values. They depend on the seed and its name alone, not on what else the model holds. */
export function initialValues(parameter: Parameter, seed: number): Float32Array {
  const { start } = parameter;
  if ("constant" in start) return new Float32Array(sizeOf(parameter)).fill(start.constant);
  const random = new Random(seed, "weights", parameter.name);
  return random.fill(sizeOf(parameter), (r) =>
    "uniform" in start
      ? r.uniform(-start.uniform, start.uniform)
      : (start.mean ?? 0) + start.normal * r.normal(),
  );
}

/**
 * The start of PyTorch's `Conv2d`: Kaiming-uniform with a = √5, which is U(−b, b), b = 1/√fanIn, for the kernel and for
 * the bias.
 *
 * @param fanIn numbers that one output is a weighted sum of
 */
export function fanInUniform(fanIn: number): Start {
  return { uniform: 1 / Math.sqrt(fanIn) };
}
