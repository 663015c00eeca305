import type { GraphWriter } from "../../backend/index.js";
import * as tf from "../../tf/index.js";
import { attend, QUERY_ROWS } from "../attend.js";
import { inLayout } from "../image-value.js";
import type { Layer } from "../layer.js";
import { convolution } from "./convolution.js";

export interface SelfAttentionOptions {
  /** The parameters are those of the 1×1 convolutions `NAME/query`, `NAME/key`, `NAME/value` and `NAME/out`. */
  readonly name: string;
  readonly channels: number;
}

/**
 * Attention of every position of the grid to every other, one head as wide as the channels C, with the scale C^-½: the
 * attention of VQGAN and latent diffusion, without the norm before it and the addition around it.
 *
 * Memory grows with the number of positions, not with its square: see `attend`.
 */
export function selfAttention({ name, channels }: SelfAttentionOptions): Layer {
  const projection = (part: string) =>
    convolution({ name: `${name}/${part}`, kernel: 1, inputs: channels, outputs: channels });
  const [query, key, value, out] = [
    projection("query"),
    projection("key"),
    projection("value"),
    projection("out"),
  ];
  const scale = 1 / Math.sqrt(channels);
  return {
    parameters: [query, key, value, out].flatMap(({ parameters }) => parameters),
    apply(x, context) {
      const [batch, height, width] = x.shape;
      const rows = (layer: Layer): tf.Tensor3D =>
        layer.apply(x, context).reshape([batch, height * width, channels]); // [N, H*W, C]
      const mixed = attend(tf.mul(rows(query), scale), rows(key), rows(value));
      return out.apply(mixed.reshape(x.shape), context);
    },
    cost(input) {
      const positions = input[0] * input[1];
      const { flop, output } = query.cost(input);
      return { flop: 4 * flop + 2 * 2 * positions * positions * channels, output };
    },
    onnx(g, x, weights) {
      const image = { ...x, name: inLayout(g, x, "NHWC"), layout: "NHWC" } as const;
      const rows = (layer: Layer) => g.reshape(layer.onnx(g, image, weights).name, [0, -1, channels]); // [N, H*W, C]
      const operands = { queries: rows(query), keys: rows(key), values: rows(value) };
      const mixed = g.within(name, () => {
        const queries = g.op("Mul", [operands.queries, g.scalar(scale)]);
        const made = writeAttend(g, { ...operands, queries, channels });
        return g.reshape(made, [g.sizes(image.name, 0, 3), channels]);
      });
      return out.onnx(g, { ...image, name: mixed }, weights);
    },
  };
}

/**
 * Writes `attend`: the queries go through a Scan in the same blocks of rows, all images at once, filled up with rows of
 * zeros that are cut off again.
 */
function writeAttend(
  g: GraphWriter,
  {
    queries,
    keys,
    values,
    channels,
  }: Readonly<Record<"queries" | "keys" | "values", string>> & { readonly channels: number },
): string {
  const turned = g.op("Transpose", [keys], { perm: [0, 2, 1] }); // [N, C, P]
  const count = g.sizes(queries, 1, 2);
  const rows = g.op("Min", [count, g.int64s([QUERY_ROWS])]);
  const missing = g.op("Mod", [g.op("Neg", [count]), rows], { fmod: 0 });
  const pads = g.op("Concat", [g.int64s([0, 0, 0, 0]), missing, g.int64s([0])], { axis: 0 });
  const filled = g.op("Pad", [queries, pads], { mode: "constant" });
  const blocks = g.op("Transpose", [g.reshape(filled, [0, -1, rows, channels])], { perm: [1, 0, 2, 3] });
  const dims = ["batch", "query_rows", channels];
  const body = g.body({ name: "queries", type: "float32", dims }, { type: "float32", dims }, (block) => {
    const probabilities = g.op("Softmax", [g.op("MatMul", [block, turned])], { axis: 2 }); // [N, rows, P]
    return g.op("MatMul", [probabilities, values]);
  });
  const made = g.op("Scan", [blocks], { num_scan_inputs: 1, body: { graph: body } }); // [blocks, N, rows, C]
  const inOrder = g.reshape(g.op("Transpose", [made], { perm: [1, 0, 2, 3] }), [0, -1, channels]);
  return g.op("Slice", [inOrder, g.int64s([0]), count, g.int64s([1])]);
}
