import { type Chart, chartFigure } from "../../drawing/charts/index.js";
import { formatCount, formatItems, type Html, html } from "../../drawing/index.js";
import { CodeCounts, type CodeTimeline } from "../../metrics/index.js";
import { codebookMap, lifeCharts } from "../../reports/index.js";

/** Drawn once for each state of the file: metrics change far more often. */
const drawnCodes = new WeakMap<CodeTimeline, Html>();

/** How the codes were used over training: which the newest interval chose, births, deaths, ages. */
export function codesOverTraining(timeline: CodeTimeline | undefined): Html | null {
  if (timeline === undefined || timeline.records.length === 0) return null;
  const known = drawnCodes.get(timeline) ?? drawCodes(timeline);
  drawnCodes.set(timeline, known);
  return known;
}

function drawCodes(timeline: CodeTimeline): Html {
  const { numCodebooks, records } = timeline;
  const all = Array.from({ length: numCodebooks }, (_, i) => {
    const suffix = numCodebooks === 1 ? "" : `, codebook ${i}`;
    const charts = [...newestMap(timeline, i, suffix), ...lifeCharts(timeline, i, suffix)];
    return html`<div class="columns">${charts.map(chartFigure)}</div>`;
  });
  return html`<h2>Codes over training</h2>
<p class="soft">${formatItems(records.length, "record")} of which codes were chosen, each of the steps since the one before.</p>
${all}`;
}

/** Which codes the newest interval chose. */
function newestMap({ codebookSize, records }: CodeTimeline, codebook: number, suffix: string): Chart[] {
  const record = records.at(-1);
  const interval = record?.codebooks[codebook];
  if (record === undefined || interval === undefined) return [];
  const from = (records.at(-2)?.step ?? 0) + 1;
  const { indices, counts } = interval;
  const counted = CodeCounts.fromJSON({
    codebookSize,
    numCodebooks: 1,
    codebooks: [{ indices: [...indices], counts: [...counts] }],
  });
  return codebookMap(counted, 0, `, steps ${formatCount(from)} to ${formatCount(record.step)}${suffix}`);
}
