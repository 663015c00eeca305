import type { NodeProto } from "./model-proto.js";

/**
 * Whether a node has to stay on the CPU where the rest of its graph runs on ONNX Runtime's WebGPU provider. The
 * provider leaves alone what it has no kernel for; these it takes, and then fails or, worse, computes wrong values.
 * Found in ONNX Runtime 1.30 by tfjs-core's specs and by comparison with the CPU provider on SwiftShader:
 *
 * - MaxPool with its second output fails: "The Indices output is not supported yet".
 * - ConvTranspose of volumes fails: "Only Conv2d or Conv1d are supported".
 * - ConvTranspose with groups of several input channels and one output channel gives wrong values.
 * - Slice of several axes of which one runs backwards gives wrong values.
 * - Conv of an image exactly as large as its filter ignores padding that stands only at the ends. Nodes do not know
 *   the image's size; among paddings that tfjs calls "same" this can only be stride 1.
 *
 * @param node under ONNX's names
 * @param int64s the values of a constant list of int64, by its name; undefined where it is none
 */
export function staysOnCpu(
  node: NodeProto,
  int64s: (name: string) => readonly bigint[] | undefined,
): boolean {
  const { opType, inputs, outputs, attributes } = node;
  switch (opType) {
    case "MaxPool":
      return outputs.length > 1;
    case "ConvTranspose":
      return (attributes.group ?? 1) !== 1 || list(attributes.kernel_shape).length > 2;
    case "Slice":
      return (int64s(inputs[4] ?? "") ?? []).some((step) => step < 0n);
    case "Conv": {
      const [pads, strides] = [list(attributes.pads), list(attributes.strides)];
      const [begins, ends] = [pads.slice(0, pads.length / 2), pads.slice(pads.length / 2)];
      return begins.every((pad) => pad === 0) && ends.some((pad, axis) => pad > 0 && strides[axis] === 1);
    }
    default:
      return false;
  }
}

function list(attribute: NodeProto["attributes"][string]): readonly number[] {
  return Array.isArray(attribute) ? attribute : [];
}
