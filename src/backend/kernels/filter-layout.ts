import type { GraphBuilder } from "../onnx/graph-builder.js";

/**
 * tfjs filters are [kh, kw, I, O]; ONNX wants the taps last. A Transpose that moves them there element by element is
 * slow; swapping two neighbouring axes at a time is several times faster, so both orders are made in such steps.
 */

/** [taps, I, O] → [O, I, taps] */
export function outputsFirst(
  g: GraphBuilder,
  filter: string,
  [taps, inputs, outputs]: readonly [number, number, number],
): string {
  const swapped = g.transposeName(g.reshapeName(filter, [taps, inputs, outputs]), [0, 2, 1]); // [taps, O, I]
  return g.transposeName(g.reshapeName(swapped, [taps, outputs * inputs]), [1, 0]); // [O*I, taps]
}

/** [taps, rest] → [rest, taps] with the taps in reverse order, which turns the filter by 180°. */
export function turnedTapsLast(
  g: GraphBuilder,
  filter: string,
  [taps, rest]: readonly [number, number],
): string {
  const rows = g.reshapeName(filter, [taps, rest]);
  const reversed = Array.from({ length: taps }, (_, i) => taps - 1 - i);
  return g.transposeName(taps === 1 ? rows : g.op("Gather", [rows, g.int64(reversed)], { axis: 0 }), [1, 0]);
}
