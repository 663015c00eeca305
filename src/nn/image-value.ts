import type { Dimension, GraphWriter } from "../backend/index.js";

/** An image tensor of a graph, in the one of the two memory layouts in which it was made. */
export interface ImageValue {
  readonly name: string;
  readonly layout: "NHWC" | "NCHW";
  readonly channels: number;
  /** Its sides are `scale` times those of a grid of that name, whose size only the input decides. */
  readonly grid: string;
  readonly scale: number;
}

/** The tensor's name in a layout; moves the data only where it is in the other one. */
export function inLayout(g: GraphWriter, { name, layout }: ImageValue, wanted: ImageValue["layout"]): string {
  if (layout === wanted) return name;
  return g.op("Transpose", [name], { perm: wanted === "NCHW" ? [0, 3, 1, 2] : [0, 2, 3, 1] });
}

/** Its shape: equal names stand for equal sizes. */
export function dimsOf({ layout, channels, grid, scale }: ImageValue): Dimension[] {
  const side = (name: string) => (scale === 1 ? `${grid}_${name}` : `${grid}_${name}_x${scale}`);
  const [height, width] = [side("height"), side("width")];
  return layout === "NCHW" ? ["batch", channels, height, width] : ["batch", height, width, channels];
}

/**
 * Writes a vector over the channels so that it broadcasts to `x` as it lies.
 *
 * @param values [C]
 */
export function channelVector(
  g: GraphWriter,
  x: ImageValue,
  [name, values]: readonly [name: string, values: Float32Array],
): string {
  return g.constant(name, values, x.layout === "NCHW" ? [values.length, 1, 1] : [values.length]);
}
