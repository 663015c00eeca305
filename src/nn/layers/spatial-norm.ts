import { ShapeError } from "../../core/errors.js";
import * as tf from "../../tf/index.js";
import { codesOf, startingNear } from "../codes.js";
import { inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";
import { convolution } from "./convolution.js";
import { type GroupNormOptions, groupNorm } from "./group-norm.js";
import { sequence } from "./sequence.js";
import { upsample } from "./upsample.js";

/** The parameters are the group norm's, and those of the convolutions `NAME/factor` and `NAME/shift`. */
export interface SpatialNormOptions extends GroupNormOptions {
  /** Channels of the codes. */
  readonly codeDim: number;
  /** Sides of the image ÷ sides of the codes' grid. */
  readonly scale: number;
}

/**
 * A group norm, times a 1×1 convolution of the codes, plus another one, both enlarged to the image by repetition: a
 * decoder of MoVQ (arXiv 2209.09002) sees at each position which code it is. Takes `codes` of the context.
 *
 * The convolutions come before the repetition: the result is the same, at 1/scale² of the cost.
 */
export function spatialNorm({ codeDim, scale, ...options }: SpatialNormOptions): Layer {
  const { name, channels } = options;
  const normal = groupNorm(options);
  const modulation = (part: string) =>
    sequence([
      convolution({ name: `${name}/${part}`, kernel: 1, inputs: codeDim, outputs: channels }),
      ...(scale === 1 ? [] : [upsample(scale)]),
    ]);
  const [factor, shift] = [modulation("factor"), modulation("shift")];
  return {
    parameters: [
      ...normal.parameters,
      ...startingNear(1, factor.parameters),
      ...startingNear(0, shift.parameters),
    ],
    apply(x, context) {
      const codes = codesOf(name, context);
      const [height, width] = [scale * codes.shape[1], scale * codes.shape[2]];
      if (x.shape[1] !== height || x.shape[2] !== width) {
        throw new ShapeError(name, `[N,${height},${width},C], ${scale} times the codes' sides`, x.shape);
      }
      const scaled = tf.mul(normal.apply(x, context), factor.apply(codes, context));
      return tf.add(scaled, shift.apply(codes, context));
    },
    cost(input) {
      const { output } = normal.cost(input);
      const grid = [input[0] / scale, input[1] / scale, codeDim] as const;
      return { flop: factor.cost(grid).flop + shift.cost(grid).flop, output };
    },
    onnx(g, x, weights, context = {}) {
      const codes = codesOf(name, context);
      const grid = { ...codes, name: inLayout(g, codes, "NHWC"), layout: "NHWC" } as const;
      const image = inLayout(g, normal.onnx(g, x, weights), "NHWC");
      const [times, plus] = [factor, shift].map((each) => inLayout(g, each.onnx(g, grid, weights), "NHWC"));
      const scaled = g.op("Mul", [image, times as string]);
      return { ...x, name: g.op("Add", [scaled, plus as string]), layout: "NHWC" };
    },
  };
}
