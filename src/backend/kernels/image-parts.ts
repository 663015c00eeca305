import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";

/** Images `from` to `to` of a batch. */
export function imagesOf(g: GraphBuilder, x: Value, [from, to]: readonly [number, number]): Value {
  if (from === 0 && to === x.shape[0]) return x;
  const name = g.op("Slice", [g.plain(x), g.int64([from]), g.int64([to]), g.int64([0])]);
  return new Value(name, [to - from, ...x.shape.slice(1)], x.dtype);
}

/** What `make` gives for `atOnce` images at a time, joined along the first axis; it bounds what is kept in between. */
export function byParts(g: GraphBuilder, x: Value, atOnce: number, make: (images: Value) => string): string {
  const n = x.shape[0] as number;
  const size = Math.max(1, Math.min(n, Math.floor(atOnce)));
  const made = Array.from({ length: Math.ceil(n / size) }, (_, i) =>
    make(imagesOf(g, x, [i * size, Math.min(n, (i + 1) * size)])),
  );
  return made.length === 1 ? (made[0] as string) : g.op("Concat", made, { axis: 0 });
}
