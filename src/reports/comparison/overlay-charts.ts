import type { Chart } from "../../drawing/charts/index.js";
import { MOST_OVERLAID, overlaidCharts } from "../overlaid-curves.js";
import type { Comparison, ComparisonRow } from "./comparison.js";
import type { RowEvidence } from "./evidence.js";

/**
 * What training recorded, rows over each other: the mean over seeds, and pale each seed by itself. Of a sweep each
 * quantizer has charts of its own.
 */
export function overlayCharts(
  evidence: readonly RowEvidence[],
  { sweep, heldOut }: Pick<Comparison, "sweep" | "heldOut">,
): Chart[] {
  return groupsOf(evidence, sweep.length > 0).flatMap(({ suffix, rows, kind }) => {
    // The kind stands in the title of its own charts.
    const nameOf = ({ label }: ComparisonRow): string =>
      kind !== undefined && label.startsWith(`${kind} `) ? label.slice(kind.length + 1) : label;
    const named = rows.map(({ row, curves }) => ({ name: nameOf(row), curves }));
    return overlaidCharts(named, { suffix, heldOut });
  });
}

interface OverlayGroup {
  /** Of the titles, "" for the only group. */
  readonly suffix: string;
  /** Of all rows, where the suffix has it. */
  readonly kind: string | undefined;
  readonly rows: readonly RowEvidence[];
}

/** No more rows in one chart than there are colours. */
function groupsOf(evidence: readonly RowEvidence[], byKind: boolean): OverlayGroup[] {
  const kinds = new Map<string, RowEvidence[]>();
  for (const each of evidence) {
    const kind = byKind ? each.row.quantizer : "";
    kinds.set(kind, [...(kinds.get(kind) ?? []), each]);
  }
  return [...kinds].flatMap(([kind, rows]) => {
    const parts = Math.ceil(rows.length / MOST_OVERLAID);
    return Array.from({ length: parts }, (_, part) => {
      const names = [
        ...(kinds.size > 1 ? [kind] : []),
        ...(parts > 1 ? [`part ${part + 1} of ${parts}`] : []),
      ];
      return {
        suffix: names.length === 0 ? "" : `: ${names.join(", ")}`,
        kind: kinds.size > 1 ? kind : undefined,
        rows: rows.slice(part * MOST_OVERLAID, (part + 1) * MOST_OVERLAID),
      };
    });
  });
}
