import type { DataType } from "../../tf/index.js";

/** Made by an operator to which a vector along the last axis may still be added at no cost. */
export interface Biasless {
  readonly layout: "plain" | "channelsFirst";
  /** Emits the operator with a bias [C] and returns the name of what it makes, in that layout. */
  readonly withBias: (bias: string) => string;
}

/** An image tensor that is not computed unless somebody needs it as it is: a consumer may know a shorter way. */
export interface Deferred {
  readonly layout: "plain" | "channelsFirst";
  /** Emits the nodes and returns the name of the tensor in that layout. */
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
  /** Present when a bias can be folded into the operator that made the value; the last axis is the operator's own. */
  biasless: Biasless | undefined;
  /** Whether a convolution's filter gradient is computed from the value too, so that both may share work. */
  feedsFilterGradient = false;
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

  /** Whether [N, H, W, C] is there, or is what there will be first. */
  get isPlain(): boolean {
    return this.plain !== undefined || this.deferred?.layout === "plain";
  }

  /** Whether [N, C, H, W] is there, or is what there will be first. */
  get isChannelsFirst(): boolean {
    return this.channelsFirst !== undefined || this.deferred?.layout === "channelsFirst";
  }
}
