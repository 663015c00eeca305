import { Random } from "../core/random.js";
import type { Layer } from "./layers.js";

/** One weight tensor of a network: its name, its shape, and how it starts. */
export interface Parameter {
  /** E.g. `encoder/stage1/block0/conv1/kernel`. */
  readonly name: string;
  /** Kernels [height, width, in, out]; biases, scales and offsets [channels]. */
  readonly shape: readonly number[];
  readonly start: { readonly uniform: number } | { readonly constant: number };
}

/**
 * The weights of a list of layers, in order.
 *
 * Convolutions start as PyTorch's `Conv2d` does: Kaiming-uniform with a = √5, which is U(−b, b), b = 1/√fanIn, for
 * the kernel and for the bias; fanIn = kernel² · in. Norms start as the identity.
 */
export function parametersOf(layers: readonly Layer[]): Parameter[] {
  return layers.flatMap((layer): Parameter[] => {
    switch (layer.kind) {
      case "convolution": {
        const { name, kernel, inputChannels, outputChannels } = layer;
        const start = { uniform: 1 / Math.sqrt(kernel * kernel * inputChannels) };
        return [
          { name: `${name}/kernel`, shape: [kernel, kernel, inputChannels, outputChannels], start },
          { name: `${name}/bias`, shape: [outputChannels], start },
        ];
      }
      case "groupNorm":
        return [
          { name: `${layer.name}/scale`, shape: [layer.channels], start: { constant: 1 } },
          { name: `${layer.name}/offset`, shape: [layer.channels], start: { constant: 0 } },
        ];
      case "residual":
        return parametersOf(layer.body);
      case "activation":
      case "upsample":
        return [];
      default:
        return layer satisfies never;
    }
  });
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
  return random.fill(sizeOf(parameter), (r) => r.uniform(-start.uniform, start.uniform));
}
