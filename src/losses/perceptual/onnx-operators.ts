import type { ReadAttribute } from "../../backend/index.js";
import { ShapeError, VqkitError } from "../../core/errors.js";
import { pool } from "../../nn/index.js";
import * as tf from "../../tf/index.js";

/** What a node is applied to. Images are [N, h, w, C] here, [N, C, h, w] in the file. */
export interface Operands {
  readonly tensors: readonly (tf.Tensor | undefined)[];
  /** Those that are constants, as numbers. */
  readonly numbers: readonly (Float32Array | undefined)[];
  readonly attributes: ReadonlyMap<string, ReadAttribute>;
}

type Operator = (operands: Operands) => tf.Tensor;

const binary =
  (compute: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): Operator =>
  ({ tensors: [a, b] }) =>
    compute(a as tf.Tensor, b as tf.Tensor);

const unary =
  (compute: (x: tf.Tensor) => tf.Tensor): Operator =>
  ({ tensors: [x] }) =>
    compute(x as tf.Tensor);

/** ONNX's operators that a feature network may have, with gradients. */
export const operators: Readonly<Record<string, Operator>> = {
  Conv: convolved,
  BatchNormalization: normalized,
  Relu: unary((x) => tf.relu(x)),
  Sigmoid: unary((x) => tf.sigmoid(x)),
  Tanh: unary((x) => tf.tanh(x)),
  Identity: unary((x) => x.clone()),
  Dropout: unary((x) => x.clone()),
  LeakyRelu: ({ tensors: [x], attributes }) =>
    tf.leakyRelu(x as tf.Tensor, Number(attributes.get("alpha") ?? 0.01)),
  HardSigmoid: ({ tensors: [x], attributes }) => {
    const [alpha, beta] = [Number(attributes.get("alpha") ?? 0.2), Number(attributes.get("beta") ?? 0.5)];
    return tf.clipByValue(tf.add(tf.mul(x as tf.Tensor, alpha), beta), 0, 1);
  },
  HardSwish: unary((x) => tf.mul(x, tf.div(tf.relu6(tf.add(x, 3)), 6))),
  Clip: clipped,
  Pad: ({ tensors: [x], numbers, attributes }) => {
    expectValue("Pad's mode", attributes.get("mode") ?? "constant", ["constant"]);
    expectValue("Pad's value", numbers[2]?.[0] ?? 0, [0]);
    const pads = [...(numbers[1] ?? [])];
    const at = (axis: number): [number, number] => [pads[axis] ?? 0, pads[axis + 4] ?? 0];
    // N, C, H, W there
    return tf.pad(x as tf.Tensor, [at(0), at(2), at(3), at(1)]);
  },
  Add: binary((a, b) => tf.add(a, b)),
  Sub: binary((a, b) => tf.sub(a, b)),
  Mul: binary((a, b) => tf.mul(a, b)),
  Div: binary((a, b) => tf.div(a, b)),
  Concat: ({ tensors, attributes }) => {
    expectValue("Concat's axis", attributes.get("axis"), [1]);
    return tf.concat(tensors as tf.Tensor4D[], 3);
  },
  MaxPool: (operands) => pooled("max", operands),
  AveragePool: (operands) => pooled("average", operands),
  GlobalAveragePool: unary((x) => tf.mean(x, [1, 2], true)),
};

function convolved({ tensors: [x, kernel, bias], attributes }: Operands): tf.Tensor {
  const group = Number(attributes.get("group") ?? 1);
  expectValue("a convolution's dilations", listOf(attributes.get("dilations"), [1, 1]).join(), ["1,1"]);
  const [image, filter] = [x as tf.Tensor4D, kernel as tf.Tensor4D];
  const [rows, columns] = filter.shape;
  const padding = paddingOf(attributes, [rows, columns], image);
  const stride = listOf(attributes.get("strides"), [1, 1]) as [number, number];
  const isDepthwise = group > 1;
  if (isDepthwise && (group !== image.shape[3] || filter.shape[2] !== group)) {
    throw new ShapeError("Conv", "as many groups as channels, or one", [group, image.shape[3]]);
  }
  const isPadded = padding.some((pair) => pair.some((pad) => pad > 0));
  const around = isPadded ? tf.pad(image, padding) : image;
  const made = isDepthwise
    ? tf.depthwiseConv2d(around, filter, stride, "valid")
    : tf.conv2d(around, filter, stride, "valid");
  return bias === undefined ? made : tf.add(made, bias);
}

type PadsByAxis = [[number, number], [number, number], [number, number], [number, number]];

/** Zeros beside each axis of [N, H, W, C]. */
function paddingOf(
  attributes: Operands["attributes"],
  kernel: readonly [number, number],
  x: tf.Tensor4D,
): PadsByAxis {
  const auto = attributes.get("auto_pad") ?? "NOTSET";
  const strides = listOf(attributes.get("strides"), [1, 1]);
  let pads = listOf(attributes.get("pads"), [0, 0, 0, 0]);
  if (auto === "SAME_UPPER") {
    const all = ([0, 1] as const).map((axis) => {
      const [side, step] = [x.shape[axis + 1] as number, strides[axis] as number];
      return Math.max(0, (Math.ceil(side / step) - 1) * step + kernel[axis] - side);
    });
    pads = [...all.map((total) => Math.floor(total / 2)), ...all.map((total) => Math.ceil(total / 2))];
  } else expectValue("auto_pad", auto, ["NOTSET", "VALID"]);
  const [top, left, bottom, right] = pads as [number, number, number, number];
  return [
    [0, 0],
    [top, bottom],
    [left, right],
    [0, 0],
  ];
}

/** (x − mean)·scale/√(variance + ε) + offset, as one factor and one summand. */
function normalized({ tensors: [x, ...vectors], attributes }: Operands): tf.Tensor {
  const [scale, offset, mean, variance] = vectors as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  const factor = tf.div(scale, tf.sqrt(tf.add(variance, Number(attributes.get("epsilon") ?? 1e-5))));
  return tf.add(tf.mul(tf.sub(x as tf.Tensor, mean), factor), offset);
}

function clipped({ tensors: [x], numbers, attributes }: Operands): tf.Tensor {
  const least = Number(numbers[1]?.[0] ?? attributes.get("min") ?? Number.NEGATIVE_INFINITY);
  const most = Number(numbers[2]?.[0] ?? attributes.get("max") ?? Number.POSITIVE_INFINITY);
  if (least === 0 && most === 6) return tf.relu6(x as tf.Tensor);
  return tf.clipByValue(x as tf.Tensor, least, most);
}

function pooled(kind: "max" | "average", { tensors: [x], attributes }: Operands): tf.Tensor {
  const [top, left, bottom, right] = listOf(attributes.get("pads"), [0, 0, 0, 0]) as [
    number,
    number,
    number,
    number,
  ];
  const countsPadding = kind === "average" && Number(attributes.get("count_include_pad") ?? 0) === 1;
  if (countsPadding && top + left + bottom + right > 0) {
    throw new VqkitError(
      "format",
      "AveragePool: expected padding that does not count, got count_include_pad.",
    );
  }
  expectValue("a pool's ceil_mode", Number(attributes.get("ceil_mode") ?? 0), [0]);
  const layer = pool(kind, {
    kernel: listOf(attributes.get("kernel_shape"), []) as [number, number],
    stride: listOf(attributes.get("strides"), [1, 1]) as [number, number],
    padding: { top, left, bottom, right },
  });
  return layer.apply(x as tf.Tensor4D, { weight: () => x as tf.Tensor });
}

function listOf(attribute: ReadAttribute | undefined, otherwise: readonly number[]): number[] {
  return Array.isArray(attribute) ? [...(attribute as readonly number[])] : [...otherwise];
}

function expectValue(what: string, found: unknown, wanted: readonly unknown[]): void {
  if (wanted.includes(found)) return;
  throw new VqkitError(
    "format",
    `${what}: expected ${wanted.join(" or ")}, got ${String(found)}. Export it otherwise.`,
  );
}
