import type { NamedAttrMap, NamedTensorInfoMap, TensorInfo } from "../../tf/index.js";
import { BackendError } from "../errors.js";
import type { GraphBuilder } from "../onnx/graph-builder.js";
import type { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";
import { binaryKernels } from "./binary.js";
import { convolutionKernels } from "./convolution.js";
import { depthwiseKernels } from "./depthwise.js";
import { matrixKernels } from "./matrix.js";
import { unaryKernels } from "./unary.js";

/** What follows the product: a bias, an activation, or both; their operands come after the product's own. */
interface Tail {
  readonly base: unknown;
  readonly operands: number;
  readonly bias: boolean;
  readonly activation: string;
  readonly alpha: number;
  /** Vectors go along the second axis of [N, C, H, W] rather than along the last. */
  readonly channelsFirst: boolean;
}

function named(kernels: readonly Kernel[], name: string): Kernel {
  return kernels.find((kernel) => kernel.name === name) as Kernel;
}

const activationKernels: Readonly<Record<string, string>> = {
  relu: "Relu",
  relu6: "Relu6",
  elu: "Elu",
  sigmoid: "Sigmoid",
  leakyrelu: "LeakyRelu",
  prelu: "Prelu",
};

/** A convolution or product with its bias and activation in one kernel: the kernel without them, then theirs. */
function fused(name: string, base: Kernel): Kernel<Tail> {
  return {
    name,
    record(inputs: NamedTensorInfoMap, attrs: NamedAttrMap) {
      const call = base.record(inputs, attrs);
      const activation = (attrs.activation ?? "linear") as string;
      if (activation !== "linear" && !(activation in activationKernels))
        throw new BackendError("unsupported", `${name}: unknown activation "${activation}".`);
      const bias = inputs.bias as TensorInfo | undefined;
      const slopes = activation === "prelu" ? (inputs.preluActivationWeights as TensorInfo) : undefined;
      return {
        inputs: [...call.inputs, ...[bias, slopes].filter((operand) => operand != null)],
        attrs: {
          base: call.attrs,
          operands: call.inputs.length,
          bias: bias != null,
          activation,
          alpha: (attrs.leakyreluAlpha ?? 0.2) as number,
          channelsFirst: attrs.dataFormat === "NCHW",
        },
        outputs: call.outputs,
      };
    },
    lower(g, operands, { attrs, outputs }) {
      const own = operands.slice(0, attrs.operands);
      const vectors = operands
        .slice(attrs.operands)
        .map((v) => (attrs.channelsFirst && v.shape.length === 1 ? g.reshape(v, [...v.shape, 1, 1]) : v));
      const product = base.lower(g, own, { attrs: attrs.base, outputs }) as Value;
      const spec = outputs[0] as TensorSpec;
      const biased = attrs.bias
        ? apply(g, "Add", [product, vectors.shift() as Value], { spec, alpha: 0 })
        : product;
      const activation = activationKernels[attrs.activation];
      if (activation === undefined) return biased;
      return apply(g, activation, [biased, ...vectors], { spec, alpha: attrs.alpha });
    },
  };
}

function apply(
  g: GraphBuilder,
  name: string,
  operands: readonly Value[],
  { spec, alpha }: { readonly spec: TensorSpec; readonly alpha: number },
): Value {
  return named([...unaryKernels, ...binaryKernels], name).lower(g, operands, {
    attrs: { alpha },
    outputs: [spec],
  }) as Value;
}

export const fusedKernels: readonly Kernel[] = [
  fused("FusedConv2D", named(convolutionKernels, "Conv2D")),
  fused("FusedDepthwiseConv2D", named(depthwiseKernels, "DepthwiseConv2dNative")),
  fused("_FusedMatMul", named(matrixKernels, "BatchMatMul")),
] as Kernel[];
