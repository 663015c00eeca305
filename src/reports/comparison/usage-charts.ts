import type { Chart } from "../../drawing/charts/index.js";
import { lineChart } from "../../drawing/charts/index.js";
import { SERIES_COLOURS } from "../../drawing/index.js";
import type { RowEvidence } from "./evidence.js";

/**
 * Rank and frequency, and usage against indices seen, of all rows: what the evaluation set of each row's lowest seed
 * shows. More rows than there are colours take several charts.
 */
export function usageCharts(evidence: readonly RowEvidence[]): Chart[] {
  const counted = evidence.flatMap(({ row, codebook }) =>
    codebook === undefined || codebook.figures.samples === 0 ? [] : [{ name: row.label, codebook }],
  );
  const parts = Math.ceil(counted.length / SERIES_COLOURS);
  return Array.from({ length: parts }, (_, part) => {
    const rows = counted.slice(part * SERIES_COLOURS, (part + 1) * SERIES_COLOURS);
    const suffix = parts > 1 ? `, part ${part + 1} of ${parts}` : "";
    return [
      lineChart(
        rows.map(({ name, codebook: { rankFrequency, figures } }) => ({
          name,
          points: rankFrequency.map(({ rank, count }) => [rank, count / figures.samples] as const),
        })),
        {
          title: `Rank and frequency${suffix}`,
          xTitle: "rank",
          xScale: "log",
          yScale: "log",
          isPercent: true,
          note: "Share of all indices that have the code of each rank.",
        },
      ),
      lineChart(
        rows.map(({ name, codebook: { rarefaction } }) => ({
          name,
          points: rarefaction.map(({ samples, usage }) => [samples, usage] as const),
        })),
        {
          title: `Usage against indices seen${suffix}`,
          xTitle: "indices",
          xScale: "log",
          isPercent: true,
          yIncludes: [0],
          note: "Rarefaction: at equal numbers of indices, usage can be compared whatever the sets' sizes. Mean over all draws of so many.",
        },
      ),
    ];
  }).flat();
}
