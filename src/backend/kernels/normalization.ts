import { type TensorInfo, util } from "../../tf/index.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { arithmetic } from "./arithmetic.js";
import { elementwise } from "./elementwise.js";

/** (x − mean) · scale / √(variance + ε) + offset; the statistics are vectors over the last axis, or broadcast to x. */
const batchNorm: Kernel<{ epsilon: number; offset: boolean; scale: boolean }> = {
  name: "FusedBatchNorm",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    const mean = inputs.mean as TensorInfo;
    const variance = inputs.variance as TensorInfo;
    const offset = inputs.offset as TensorInfo | undefined;
    const scale = inputs.scale as TensorInfo | undefined;
    for (const other of [variance, offset, scale])
      util.assert(
        other == null || other.shape.length === mean.shape.length,
        () => "Batch normalization requires mean, variance, offset and scale to have equal ranks.",
      );
    return {
      inputs: [x, mean, variance, ...[offset, scale].filter((operand) => operand != null)],
      attrs: {
        epsilon: (attrs.varianceEpsilon ?? 0.001) as number,
        offset: offset != null,
        scale: scale != null,
      },
      outputs: [{ shape: x.shape, dtype: "float32" }],
    };
  },
  lower(g, operands, { attrs, outputs }) {
    return elementwise(g, operands, outputs[0] as TensorSpec, (_, names) => {
      const [x, mean, variance, ...rest] = names as [string, string, string, ...string[]];
      const a = arithmetic(g);
      const offset = attrs.offset ? (rest.shift() as string) : undefined;
      const scale = attrs.scale ? (rest.shift() as string) : 1;
      const factor = a.div(scale, a.sqrt(a.add(variance, attrs.epsilon)));
      const normal = a.mul(a.sub(x, mean), factor);
      return offset === undefined ? normal : a.add(normal, offset);
    });
  },
};

interface Neighbourhood {
  readonly depthRadius: number;
  readonly bias: number;
  readonly alpha: number;
  readonly beta: number;
}

function neighbourhood(attrs: Record<string, unknown>): Neighbourhood {
  const { depthRadius, bias, alpha, beta } = attrs as unknown as Neighbourhood;
  return { depthRadius, bias, alpha, beta };
}

/** Sums over the channels within reach of each, by a product with a band of ones. */
function nearbySum(g: GraphBuilder, x: string, channels: number, radius: number): string {
  const band = Float32Array.from({ length: channels * channels }, (_, i) =>
    Math.abs(Math.floor(i / channels) - (i % channels)) <= radius ? 1 : 0,
  );
  return g.op("MatMul", [x, g.constant(band, [channels, channels])]);
}

/** bias + alpha · Σ x² over nearby channels. */
function energy(g: GraphBuilder, x: string, channels: number, n: Neighbourhood): string {
  const a = arithmetic(g);
  return a.add(a.mul(nearbySum(g, a.mul(x, x), channels, n.depthRadius), n.alpha), n.bias);
}

/** Local response normalization over channels: y = x · energy^−β. */
const lrn: Kernel<Neighbourhood> = {
  name: "LRN",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    return {
      inputs: [x],
      attrs: neighbourhood(attrs),
      outputs: [{ shape: x.shape, dtype: "float32" }],
    };
  },
  lower(g, [x], { attrs, outputs }) {
    const { shape } = outputs[0] as TensorSpec;
    const source = g.plain(x as Value);
    const a = arithmetic(g);
    const scale = a.pow(energy(g, source, shape[3] as number, attrs), -attrs.beta);
    return new Value(a.mul(source, scale), shape, "float32");
  },
};

/** dx = dy · energy^−β − 2αβ · x · Σ over nearby channels of dy · y / energy. */
const lrnGradient: Kernel<Neighbourhood> = {
  name: "LRNGrad",
  record(inputs, attrs) {
    const x = inputs.x as TensorInfo;
    return {
      inputs: [x, inputs.y as TensorInfo, inputs.dy as TensorInfo],
      attrs: neighbourhood(attrs),
      outputs: [{ shape: x.shape, dtype: "float32" }],
    };
  },
  lower(g, operands, { attrs, outputs }) {
    const { shape } = outputs[0] as TensorSpec;
    const [x, y, dy] = operands.map((operand) => g.plain(operand)) as [string, string, string];
    const channels = shape[3] as number;
    const a = arithmetic(g);
    const norm = energy(g, x, channels, attrs);
    const own = a.mul(dy, a.pow(norm, -attrs.beta));
    const shared = nearbySum(g, a.div(a.mul(dy, y), norm), channels, attrs.depthRadius);
    const others = a.mul(a.mul(x, shared), 2 * attrs.alpha * attrs.beta);
    return new Value(a.sub(own, others), shape, "float32");
  },
};

export const normalizationKernels: readonly Kernel[] = [batchNorm, lrn, lrnGradient] as Kernel[];
