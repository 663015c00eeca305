import type { DataType } from "@tensorflow/tfjs";

/**
 * A tensor while a graph is being built. `shape` is always what tfjs sees; a rank-4 image tensor may exist under one
 * or two names, one a layout. The builder adds the missing one on demand.
 */
export class Value {
  plain: string | undefined;
  channelsFirst: string | undefined;
  readonly shape: readonly number[];
  readonly dtype: DataType;

  constructor(plain: string | undefined, shape: readonly number[], dtype: DataType, channelsFirst?: string) {
    this.plain = plain;
    this.channelsFirst = channelsFirst;
    this.shape = shape;
    this.dtype = dtype;
  }
}
