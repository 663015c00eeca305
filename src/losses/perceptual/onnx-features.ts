import { createHash } from "node:crypto";
import { basename } from "node:path";
import { foldedModel, type ReadGraph, type ReadTensor, readOnnxModel } from "../../backend/index.js";
import { VqkitError } from "../../core/errors.js";
import { withReader } from "../../files/index.js";
import * as tf from "../../tf/index.js";
import { type Operands, operators } from "./onnx-operators.js";

/**
 * The features of a network from an ONNX file, computed with gradients: convolutions (grouped ones channel by channel
 * only), batch norm in its inference form, activations, pooling, sums and products. One input, images [N, 3, H, W] in
 * -1..1; every output is a feature [N, C, h, w], for any N, H and W. Another range is made of -1..1 inside the file.
 */
export class OnnxFeatures {
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly fingerprint: string;
  readonly #graph: ReadGraph;
  readonly #constants: ReadonlyMap<string, tf.Tensor>;

  private constructor(graph: ReadGraph, constants: ReadonlyMap<string, tf.Tensor>, fingerprint: string) {
    this.#graph = graph;
    this.#constants = constants;
    this.fingerprint = fingerprint;
  }

  /** @throws VqkitError("format") naming an operator that is not known here; BackendError; VqkitError("file") */
  static async open(file: string): Promise<OnnxFeatures> {
    const bytes = await withReader(file, (reader) => reader.read(0, reader.size));
    const name = basename(file);
    const graph = readOnnxModel(await foldedModel(bytes, name), name);
    check(graph, file);
    const constants = new Map(
      [...graph.constants].map(([name, value]) => [name, constantOf(name, value, graph)]),
    );
    // Computed now: a step that was recorded with what they are still to be computed from would not repeat once they are.
    await Promise.all([...constants.values()].map((constant) => constant.data()));
    return new OnnxFeatures(graph, constants, createHash("sha256").update(bytes).digest("hex"));
  }

  /**
   * Call it inside `tf.tidy`.
   *
   * @param images [N, H, W, 3] in -1..1
   * @returns each [N, h, w, C]
   */
  features(images: tf.Tensor4D): tf.Tensor4D[] {
    const { nodes, inputs, outputs, constants } = this.#graph;
    const values = new Map<string, tf.Tensor>([...this.#constants, [inputs[0] as string, images]]);
    for (const node of nodes) {
      const operands: Operands = {
        tensors: node.inputs.map((name) => values.get(name)),
        numbers: node.inputs.map((name) => constants.get(name)?.data),
        attributes: node.attributes,
      };
      values.set(node.outputs[0] as string, (operators[node.opType] as (typeof operators)[string])(operands));
    }
    return outputs.map((name) => values.get(name) as tf.Tensor4D);
  }

  dispose(): void {
    tf.dispose([...this.#constants.values()]);
  }
}

function check({ nodes, inputs, outputs }: ReadGraph, file: string): void {
  const unknown = nodes.find(({ opType }) => !Object.hasOwn(operators, opType));
  if (unknown !== undefined) {
    throw new VqkitError(
      "format",
      `${file}: expected a graph of ${Object.keys(operators).join(", ")}, got ${unknown.opType}. Export the features alone, in evaluation mode, with batch norms as they are.`,
    );
  }
  if (inputs.length === 1 && outputs.length >= 1) return;
  throw new VqkitError(
    "format",
    `${file}: expected one input and features as outputs, got ${inputs.length} and ${outputs.length}.`,
  );
}

/** A constant as its operators take it: kernels turned, and what broadcasts over [N, C, h, w] over [N, h, w, C]. */
function constantOf(name: string, { dims, data }: ReadTensor, { nodes }: ReadGraph): tf.Tensor {
  const convolution = nodes.find(({ opType, inputs }) => opType === "Conv" && inputs[1] === name);
  const tensor = tf.tidy(() => {
    const made = tf.tensor(data, [...dims]);
    if (convolution !== undefined) {
      const isDepthwise = Number(convolution.attributes.get("group") ?? 1) > 1;
      // [O, I, R, C] → [R, C, I, O]; by channel [C, 1, R, C'] → [R, C', C, 1]
      return tf.transpose(made, isDepthwise ? [2, 3, 0, 1] : [2, 3, 1, 0]);
    }
    if (dims.length === 4) return tf.transpose(made, [0, 2, 3, 1]);
    return dims.length === 3 ? tf.transpose(made, [1, 2, 0]) : made.clone();
  });
  return tf.keep(tensor);
}
