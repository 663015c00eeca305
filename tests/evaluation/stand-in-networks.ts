import { encodeModel, type NodeProto, type TensorProto } from "../../src/backend/onnx/model-proto.js";

/** Networks small enough to compute by hand, as ONNX files of the form that users bring. */

/** One 3×3 kernel a feature, [2, 3, 3, 3]: unlike in every direction. */
export const KERNELS = Float32Array.from({ length: 2 * 27 }, (_, i) => (((i * 37) % 23) - 11) / 16);
export const BIASES = Float32Array.of(0.25, -0.125);
/** How much each feature counts in the distance. */
export const LINEAR = Float32Array.of(0.75, 2);

const IMAGES = ["N", 3, "H", "W"] as const;

function floats(name: string, data: Float32Array, dims: readonly number[]): TensorProto {
  return { name, type: "float32", dims, bytes: new Uint8Array(data.buffer) };
}

function axes(name: string, values: readonly number[]): TensorProto {
  const data = BigInt64Array.from(values, BigInt);
  return { name, type: "int64", dims: [values.length], bytes: new Uint8Array(data.buffer) };
}

function node(
  opType: string,
  [inputs, output]: readonly [inputs: readonly string[], output: string],
  attributes: NodeProto["attributes"] = {},
): NodeProto {
  return { opType, inputs, outputs: [output], attributes };
}

const weights = [floats("kernels", KERNELS, [2, 3, 3, 3]), floats("biases", BIASES, [2])];
const convolution = (from: string, to: string) =>
  node("Conv", [[from, "kernels", "biases"], to], { strides: [2, 1], pads: [0, 0, 0, 0] });

/** relu(conv(x)), averaged over positions: [N, 3, H, W] → [N, 2, 1, 1]. */
export function featureModel({
  flat = false,
  pooled = true,
  batch = "N" as string | number,
} = {}): Uint8Array {
  const nodes = [convolution("image", "convolved"), node("Relu", [["convolved"], "features"])];
  if (pooled) nodes.push(node("GlobalAveragePool", [["features"], "pooled"]));
  if (flat) nodes.push(node("Flatten", [["pooled"], "flat"]));
  const output = flat ? "flat" : pooled ? "pooled" : "features";
  return encodeModel(
    {
      name: "features",
      nodes,
      initializers: weights,
      inputs: [{ name: "image", type: "float32", dims: [batch, ...IMAGES.slice(1)] }],
      outputs: [{ name: output, type: "float32", dims: flat ? ["N", 2] : ["N", 2, "h", "w"] }],
    },
    { opset: 18, producer: "test" },
  );
}

/** Σ_features weight · (conv(a) − conv(b))², averaged over positions: [N, 3, H, W] twice → [N, 1, 1, 1]. */
export function distanceModel({ perImage = true } = {}): Uint8Array {
  const nodes = [
    convolution("original", "a"),
    convolution("reconstruction", "b"),
    node("Sub", [["a", "b"], "difference"]),
    node("Mul", [["difference", "difference"], "square"]),
    node("Mul", [["square", "linear"], "weighted"]),
    node("ReduceSum", [["weighted", "channels"], "summed"]),
    node("ReduceMean", [["summed", perImage ? "positions" : "everything"], "distance"]),
  ];
  return encodeModel(
    {
      name: "distance",
      nodes,
      initializers: [
        ...weights,
        floats("linear", LINEAR, [1, 2, 1, 1]),
        axes("channels", [1]),
        axes("positions", [2, 3]),
        axes("everything", [0, 2, 3]),
      ],
      inputs: [
        { name: "original", type: "float32", dims: IMAGES },
        { name: "reconstruction", type: "float32", dims: IMAGES },
      ],
      outputs: [{ name: "distance", type: "float32", dims: [perImage ? "N" : 1, 1, 1, 1] }],
    },
    { opset: 18, producer: "test" },
  );
}

/** The same convolution by its definition, in double precision: bytes [H, W, 3] → feature maps. */
export function convolved(pixels: Uint8Array, [height, width]: readonly [number, number]): number[][] {
  return [0, 1].map((feature) => {
    const map: number[] = [];
    for (let top = 0; top + 3 <= height; top += 2) {
      for (let left = 0; left + 3 <= width; left++) {
        let sum = BIASES[feature] as number;
        for (let c = 0; c < 3; c++) {
          for (let i = 0; i < 3; i++) {
            for (let j = 0; j < 3; j++) {
              const byte = pixels[((top + i) * width + left + j) * 3 + c] as number;
              sum += (KERNELS[((feature * 3 + c) * 3 + i) * 3 + j] as number) * (byte / 127.5 - 1);
            }
          }
        }
        map.push(sum);
      }
    }
    return map;
  });
}
