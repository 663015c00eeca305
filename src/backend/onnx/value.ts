import type { DataType } from "@tensorflow/tfjs";
import type { Attributes } from "./model-proto.js";

/** A Gemm or Conv without a bias: a vector along the last axis of what it made may still join it. */
export interface Biasless {
  readonly opType: "Gemm" | "Conv";
  readonly inputs: readonly [string, string];
  readonly attributes: Attributes;
}

/** An image tensor that is not computed unless somebody needs it as it is: a consumer may know a shorter way. */
export interface Deferred {
  /** Emits the nodes and returns the name of the tensor as [N, C, H, W]. */
  readonly make: () => string;
  /** Set when the value is `source` enlarged to twice its height and width by repeating pixels. */
  readonly doubled?: Value;
  /** Set when the value is the input gradient of a convolution: the gradient at its output, and its filter. */
  readonly inputGradient?: { readonly dy: Value; readonly filter: Value };
}

/**
 * A tensor while a graph is being built. `shape` is always what tfjs sees; a rank-4 image tensor may exist under one
 * or two names, one a layout. The builder adds the missing one on demand.
 */
export class Value {
  plain: string | undefined;
  channelsFirst: string | undefined;
  deferred: Deferred | undefined;
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

  static deferred(deferred: Deferred, shape: readonly number[]): Value {
    const value = new Value(undefined, shape, "float32");
    value.deferred = deferred;
    return value;
  }

  /** Whether [N, C, H, W] is there, or is what there will be first. */
  get isChannelsFirst(): boolean {
    return this.channelsFirst !== undefined || this.deferred !== undefined;
  }
}
