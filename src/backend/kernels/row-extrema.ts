import { type GraphBuilder, sizeOf } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";

/** Rows at least this long are searched in groups. */
const longRow = 256;

/** Whether `extremumOfRows` knows, and is the faster way for, the rows of x [..., K]. */
export function suitsGroups(x: Value): boolean {
  const length = x.shape.at(-1) ?? 0;
  return x.dtype === "float32" && length >= longRow && widthOf(length) !== undefined;
}

function widthOf(length: number): number | undefined {
  return [16, 8].find((size) => length % size === 0);
}

/**
 * The extremum of each row of x [..., K] and its place, the lowest of equal ones: first the group of neighbours that
 * holds it, then the place within. ONNX Runtime finds extrema several times faster than their places, which this way
 * are looked for in few numbers.
 *
 * @returns two [M], float32 and int32, for M rows
 */
export function extremumOfRows(
  g: GraphBuilder,
  { opType, x }: { readonly opType: "ArgMax" | "ArgMin"; readonly x: Value },
): { readonly extremum: Value; readonly place: Value } {
  const length = x.shape.at(-1) as number;
  const width = widthOf(length) as number;
  const count = sizeOf(x.shape) / length;
  const groups = length / width;
  const best = (name: string): string =>
    g.op(opType === "ArgMax" ? "ReduceMax" : "ReduceMin", [name, g.int64([1])], { keepdims: 0 });
  const find = (name: string): string =>
    g.cast(g.op(opType, [name], { axis: 1, keepdims: 0, select_last_index: 0 }), "int32");
  const byGroup = g.reshapeName(g.plain(x), [count * groups, width]);
  const group = find(g.reshapeName(best(byGroup), [count, groups])); // [M]
  const first = g.constantOnce(`first groups of ${count} rows of ${groups}`, () => ({
    data: Int32Array.from({ length: count }, (_, row) => row * groups),
    dims: [count],
  }));
  const found = g.op("Gather", [byGroup, g.op("Add", [group, first])], { axis: 0 }); // [M, width]
  const place = g.op("Add", [g.op("Mul", [group, g.scalar(width, "int32")]), find(found)]);
  return {
    extremum: new Value(best(found), [count], "float32"),
    place: new Value(place, [count], "int32"),
  };
}
