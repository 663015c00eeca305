import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { expect } from "vitest";

type Document = ReturnType<typeof parseHTML>["document"];

/**
 * Reads the page of a run and computes its figures again from the run's files alone, by the formulas as they stand in
 * books and with nothing of this project: counts of usage.json, lines of metrics.jsonl, figures of summary.json.
 */
export async function expectFiguresOfFiles(page: string, dir: string): Promise<void> {
  const read = async (name: string) => JSON.parse(await readFile(join(dir, name), "utf8"));
  const { document } = parseHTML(page);
  const text = await readFile(join(dir, "metrics.jsonl"), "utf8");
  const lines = text.trimEnd().split("\n");
  const records = lines.map((line) => JSON.parse(line) as Record<string, number>);
  expectSummary(document, (await read("summary.json")).figures);
  expectUsage(document, await read("usage.json"), records.at(-1) as Record<string, number>);
  expectCurves(document, records);
}

/** Rows of cells of the table whose head begins with some words. */
function tableOf(document: Document, first: string): string[][] {
  const tables = [...document.querySelectorAll("table")];
  const found = tables.find((table) => table.querySelector("thead th")?.textContent === first);
  return [...(found?.querySelectorAll("tbody tr") ?? [])].map((row) =>
    [...row.querySelectorAll("th, td")].map((cell) => cell.textContent ?? ""),
  );
}

function expectSummary(document: Document, { final, heldOut }: { final: Figures; heldOut: boolean }): void {
  const rows = new Map(tableOf(document, "Figure").map(([name, trained]) => [name, trained]));
  expect(rows.get("PSNR (dB)")).toBe(final.psnr.toFixed(2));
  expect(rows.get("SSIM")).toBe(final.ssim.toFixed(3));
  expect(rows.get("Reconstruction loss")).toBe(final.reconstructionLoss.toFixed(4));
  expect(rows.get("Perplexity")).toBe(final.perplexity.toFixed(1));
  expect(rows.get("Bits per pixel")).toBe(final.bitsPerPixel.toFixed(3));
  const usage = `Usage on ${heldOut ? "held-out images" : "images trained on"}`;
  expect(rows.get(usage)).toBe(percent(final.usage));
}

type Figures = Readonly<Record<string, number>> & {
  readonly psnr: number;
  readonly ssim: number;
  readonly reconstructionLoss: number;
  readonly perplexity: number;
  readonly bitsPerPixel: number;
  readonly usage: number;
};

interface UsageFile {
  readonly geometry: Readonly<Record<"gridHeight" | "gridWidth" | "imageHeight" | "imageWidth", number>>;
  readonly counts: {
    readonly codebookSize: number;
    readonly codebooks: readonly { readonly indices: number[]; readonly counts: number[] }[];
  };
}

function expectUsage(
  document: Document,
  { geometry, counts }: UsageFile,
  last: Readonly<Record<string, number>>,
): void {
  const { codebookSize } = counts;
  expect(counts.codebooks).toHaveLength(1);
  const [book] = counts.codebooks as [UsageFile["counts"]["codebooks"][number]];
  const samples = book.counts.reduce((sum, count) => sum + count, 0);
  const bits = book.counts.reduce((sum, n) => sum - (n / samples) * Math.log2(n / samples), 0);
  const perPixel = (geometry.gridHeight * geometry.gridWidth) / (geometry.imageHeight * geometry.imageWidth);
  const uniform = (n: number) => 1 - (1 - 1 / codebookSize) ** n;
  const scopes = tableOf(document, "Counted over");
  const used = book.counts.length / codebookSize;
  expect(scopes.at(-1)?.slice(1)).toEqual([
    samples.toLocaleString("en-US"),
    book.counts.length.toLocaleString("en-US"),
    percent(used),
    percent(Math.min(uniform(samples), 1 - Number.EPSILON)),
    percent(used),
    (2 ** bits).toFixed(1),
    bits.toFixed(2),
    (bits * perPixel).toFixed(4),
  ]);
  // What as many of these indices show on average: 1 − C(N − c, n) / C(N, n) for each code, as a product.
  const drawn = (n: number) =>
    book.counts.reduce((sum, count) => {
      let missed = 1;
      for (let i = 0; i < n; i++) missed *= Math.max(0, samples - count - i) / (samples - i);
      return sum + 1 - missed;
    }, 0) / codebookSize;
  const batch = last.samplesBatch as number;
  expect(scopes[0]?.slice(1, 6)).toEqual([
    batch.toLocaleString("en-US"),
    Math.round((last.usageBatch as number) * codebookSize).toLocaleString("en-US"),
    percent(last.usageBatch as number),
    percent(uniform(batch)),
    batch > samples ? "–" : percent(drawn(batch)),
  ]);
  const data = JSON.parse(document.getElementById("vqkit-data")?.textContent ?? "null");
  expect(data.codebooks[0]).toEqual({ indices: book.indices, counts: book.counts });
  const mostUsed = tableOf(document, "Index")[0];
  const most = Math.max(...book.counts);
  const index = book.indices[book.counts.indexOf(most)];
  expect(mostUsed).toEqual([String(index), most.toLocaleString("en-US"), percent(most / samples)]);
}

/** Charts, the curve of each and the field that it draws. */
const DRAWN = [
  ["Losses, weighted", "total", "totalLoss"],
  ["Codebook usage", "one batch", "usageBatch"],
  ["Codebook usage", /^the last \d+ steps$/, "usageWindow"],
  ["Perplexity", "the epoch so far", "perplexityEpoch"],
  ["Quantization error", "one batch", "quantizationError"],
  ["Gradient norm before clipping", "norm", "gradientNorm"],
  ["Learning rate", "learning rate", "learningRate"],
] as const;

/** What the pointer reads is what was recorded, to five digits. */
function expectCurves(document: Document, records: readonly Readonly<Record<string, number>>[]): void {
  const figures = [...document.querySelectorAll("#training figure[data-values]")];
  for (const [title, curve, field] of DRAWN) {
    const figure = figures.find((each) => each.querySelector("figcaption")?.textContent?.startsWith(title));
    const { curves } = JSON.parse(figure?.getAttribute("data-values") ?? '{"curves":[]}') as ChartValues;
    const found = curves.find(({ name }) => (typeof curve === "string" ? name === curve : curve.test(name)));
    expect([title, found?.xs ?? curves[0]?.xs]).toEqual([title, records.map(({ step }) => step)]);
    const expected = records.map((record) => Number((record[field] as number).toPrecision(5)));
    expect([field, found?.ys]).toEqual([field, expected]);
  }
}

interface ChartValues {
  readonly curves: readonly { readonly name: string; readonly xs?: number[]; readonly ys: number[] }[];
}

/** As pages write a fraction. */
function percent(fraction: number): string {
  const value = 100 * fraction;
  if (fraction === 0 || fraction === 1) return `${value} %`;
  if (value < 0.01) return "<0.01 %";
  if (value > 99.99) return ">99.99 %";
  return `${value.toFixed(value < 0.995 || value >= 99.95 ? 2 : 1)} %`;
}
