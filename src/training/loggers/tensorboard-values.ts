/** What TensorBoard shows of a run: tags and values of its events. */
import type { EvaluationFigures } from "../../evaluation/index.js";
import type { Histogram, SummaryValue } from "../../files/index.js";
import type { IntervalCounts } from "../../metrics/index.js";
import { metricsToRecord, type StepMetrics } from "../step-metrics.js";

/** Bars of a histogram at most. */
const MOST_BUCKETS = 128;

/** The figures of a step, each with its group; those that are no numbers are left out, as TensorBoard has no sign for them. */
export function stepValues(metrics: StepMetrics): SummaryValue[] {
  return Object.entries(metricsToRecord(metrics)).flatMap(([name, value]) => {
    const group = groupOf(name);
    return typeof value !== "number" || group === undefined
      ? []
      : [{ tag: `${group}/${name}`, scalar: value }];
  });
}

/** The figures of an evaluation; those that were not measured are left out. */
export function evaluationValues(figures: EvaluationFigures): SummaryValue[] {
  return Object.entries(figures).flatMap(([name, value]) =>
    value === null ? [] : [{ tag: `evaluation/${name}`, scalar: value }],
  );
}

/**
 * How often the codes of an interval were chosen, along their index: one histogram a codebook.
 *
 * @param codebooks one entry a codebook
 * @param codebookSize K
 */
export function codeValues(codebooks: readonly IntervalCounts[], codebookSize: number): SummaryValue[] {
  return codebooks.map((counts, codebook) => ({
    tag: codebooks.length === 1 ? "codes/chosen" : `codes/chosen${codebook}`,
    histogram: chosenByIndex(counts, codebookSize),
  }));
}

/** Under which heading a figure of a step stands; undefined for those that others tell. */
function groupOf(name: string): string | undefined {
  if (name === "step" || name.startsWith("evaluation")) return undefined;
  if (name.endsWith("Loss")) return "loss";
  if (/^(?:usage|perplexity|samples|replaced)/.test(name)) return "codebook";
  if (/^(?:imagesPerSecond|elapsedSeconds)$/.test(name)) return "time";
  return "training";
}

function chosenByIndex({ indices, counts }: IntervalCounts, codebookSize: number): Histogram {
  const buckets = Math.min(codebookSize, MOST_BUCKETS);
  const limits = Array.from({ length: buckets }, (_, i) => Math.ceil(((i + 1) * codebookSize) / buckets));
  const bars = new Array<number>(buckets).fill(0);
  let [sum, sumOfSquares, bucket] = [0, 0, 0];
  // Ascending, as the record has them.
  for (const [i, index] of indices.entries()) {
    while (index >= (limits[bucket] as number)) bucket++;
    const count = counts[i] as number;
    bars[bucket] = (bars[bucket] as number) + count;
    sum += count * index;
    sumOfSquares += count * index ** 2;
  }
  return { start: 0, limits, counts: bars, sum, sumOfSquares };
}
