import type { DataType } from "@tensorflow/tfjs";
import type { Attributes } from "./model-proto.js";

/** A Gemm or Conv without a bias: a vector along the last axis of what it made may still join it. */
export interface Biasless {
  readonly opType: "Gemm" | "Conv";
  readonly inputs: readonly [string, string];
  readonly attributes: Attributes;
}

/**
 * A tensor while a graph is being built. `shape` is always what tfjs sees; a rank-4 image tensor may exist under one
 * or two names, one a layout. The builder adds the missing one on demand.
 */
export class Value {
  plain: string | undefined;
  channelsFirst: string | undefined;
  /** How the value was made, when more can be folded into that; the last axis is the operator's own. */
  biasless: Biasless | undefined;
  readonly shape: readonly number[];
  readonly dtype: DataType;

  constructor(plain: string | undefined, shape: readonly number[], dtype: DataType, channelsFirst?: string) {
    this.plain = plain;
    this.channelsFirst = channelsFirst;
    this.shape = shape;
    this.dtype = dtype;
  }
}
