/** A spec that does not pass, the kernels it is about, and why that stays so. */
export interface Skip {
  /** The spec's full name without the test environment's. */
  readonly spec: string;
  readonly kernels: readonly string[];
  readonly reason: string;
}

const nanOrder =
  "ONNX says nothing of NaN in ArgMax and ArgMin, and in ONNX Runtime it wins; passing over it would cost another pass " +
  "over every score of a nearest-code search.";
const rounding =
  "one unit in the last place of float32 away, which at this value is more than the spec's absolute tolerance.";

export const skips: readonly Skip[] = [
  { spec: "argmax ignores NaNs", kernels: ["ArgMax"], reason: nanOrder },
  { spec: "argmin ignores NaNs", kernels: ["ArgMin"], reason: nanOrder },
  {
    spec: "avgPool gradient x=[3,3,1] f=[3,3] s=1 p=explicit",
    kernels: ["AvgPoolGrad"],
    reason:
      "the spec divides by the whole window at the border, where the forward divides by the elements inside: it is " +
      "not the forward's gradient. tests/backend checks ours against it.",
  },
  { spec: "exp int32", kernels: ["Exp"], reason: rounding },
  { spec: "tan numbers exceed float32 precision", kernels: ["Tan"], reason: rounding },
  {
    spec: "gather throws when index is out of bound",
    kernels: ["GatherV2"],
    reason:
      "indices need not be known when a gather is recorded, so the error comes when it runs: await data() rejects.",
  },
];

/** Kernels that no spec calls in Node, and what checks them instead. */
export const withoutSpecs: Readonly<Record<string, string>> = {
  RotateWithOffset: "its specs run in browsers only; tests/backend compares it with tfjs's cpu backend.",
};

/** Kernels of tfjs-core's registry that are not there, and why. */
export const notImplemented: Readonly<Record<string, string>> = {
  BroadcastTo: "no op of tfjs calls it: tf.broadcastTo calls Tile.",
  Draw: "draws to a browser's canvas, which Node does not have.",
  FromPixels: "reads a browser's image elements, which Node does not have; decode images with a library.",
  LogSoftmax: "no op of tfjs calls it: tf.logSoftmax is made of Max, Exp, Sum and Log.",
  LogicalXor: "no op of tfjs calls it: tf.logicalXor is made of LogicalOr, LogicalAnd and LogicalNot.",
  LowerBound: "no op of tfjs calls it: tf.lowerBound calls SearchSorted.",
  MatrixBandPart: "no op of tfjs calls it: tf.linalg.bandPart is made of other kernels.",
  Pool: "no op of tfjs calls it: tf.pool calls MaxPool and AvgPool.",
  UpperBound: "no op of tfjs calls it: tf.upperBound calls SearchSorted.",
};
