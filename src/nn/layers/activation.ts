import type { GraphWriter } from "../../backend/index.js";
import * as tf from "../../tf/index.js";
import type { Layer } from "../layer.js";

/** A function of each number: computed with gradients, and written as nodes of a graph. */
interface Elementwise {
  readonly apply: (x: tf.Tensor4D) => tf.Tensor4D;
  readonly onnx: (g: GraphWriter, x: string) => string;
}

const functions = {
  relu: { apply: (x) => tf.relu(x), onnx: (g, x) => g.op("Relu", [x]) },
  /** min(max(x, 0), 6) */
  relu6: { apply: (x) => tf.relu6(x), onnx: (g, x) => g.op("Clip", [x, g.scalar(0), g.scalar(6)]) },
  /** x·sigmoid(x), also called swish. */
  silu: {
    apply: silu,
    onnx: (g, x) => g.op("Mul", [x, g.op("Sigmoid", [x])]),
  },
  sigmoid: { apply: (x) => tf.sigmoid(x), onnx: (g, x) => g.op("Sigmoid", [x]) },
  tanh: { apply: (x) => tf.tanh(x), onnx: (g, x) => g.op("Tanh", [x]) },
  /** x·Φ(x), Φ the normal distribution: the exact form, by erf. */
  gelu: {
    apply: (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1)),
    onnx(g, x) {
      const erf = g.op("Erf", [g.op("Mul", [x, g.scalar(Math.SQRT1_2)])]);
      return g.op("Mul", [g.op("Mul", [x, g.scalar(0.5)]), g.op("Add", [erf, g.scalar(1)])]);
    },
  },
} as const satisfies Readonly<Record<string, Elementwise>>;

/**
 * x·s with s = sigmoid(x), y for short. Its gradient dy·(s + y·(1 − s)) is written out, in fewer passes than
 * differentiating the formula takes; it cannot be differentiated again.
 */
function silu(x: tf.Tensor4D): tf.Tensor4D {
  const operator = tf.customGrad((...given) => {
    const [of, save] = given as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    const s = tf.sigmoid(of);
    const y = tf.mul(of, s);
    save([s, y]);
    return {
      value: y,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [gate, made] = saved as [tf.Tensor4D, tf.Tensor4D];
        return tf.mul(dy, tf.add(gate, tf.sub(made, tf.mul(made, gate))));
      },
    };
  });
  return operator(x) as tf.Tensor4D;
}

/** Functions that a network may apply to each number, without parameters or options. */
export type ActivationName = keyof typeof functions;

/** A function of each number. */
export function activation(name: ActivationName): Layer {
  const { apply, onnx }: Elementwise = functions[name];
  return {
    parameters: [],
    apply: (x) => apply(x),
    cost: (input) => ({ flop: 0, output: input }),
    onnx: (g, x) => ({ ...x, name: onnx(g, x.name) }),
  };
}
