import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { pictureGrid } from "../../src/data/index.js";
import { type CodeRecord, type CodeTimeline, codeLives } from "../../src/metrics/index.js";
import { renderRunReport, runUsage, usageCharts } from "../../src/reports/index.js";
import { lifeCharts } from "../../src/reports/life-charts.js";
import type { RunFolder } from "../../src/runs/index.js";
import { shaded, temporaryFolder, writeMetrics, writeRun, writeUsage } from "./runs.js";

const SIZE = 5;

/** Three records of five codes: code 0 lives, 1 dies and comes back, 2 dies, 3 is born late, 4 never lives. */
const USED: readonly (readonly [step: number, counts: Readonly<Record<number, number>>, drift: number])[] = [
  [10, { 0: 4, 1: 3, 2: 1 }, 0.5],
  [25, { 0: 8 }, 0.25],
  [30, { 0: 2, 1: 5, 3: 1 }, 0.125],
];

const records: CodeRecord[] = USED.map(([step, counts, drift]) => ({
  step,
  samples: 8,
  codebooks: [
    {
      indices: Uint32Array.from(Object.keys(counts).map(Number)),
      counts: Float64Array.from(Object.values(counts)),
    },
  ],
  // The median of five is the third: drift / 4.
  drift: [{ overall: drift, perCode: Float32Array.from([drift, drift, drift / 4, 0, 0]) }],
}));
const timeline: CodeTimeline = { codebookSize: SIZE, numCodebooks: 1, records };

const chart = (title: string) => {
  const found = lifeCharts(timeline, 0, "").find((each) => each.title.startsWith(title));
  if (found === undefined) throw new Error(`no chart ${title}`);
  return found;
};

describe("lifeCharts", () => {
  it("show codes in use, ever used and of a uniform source", () => {
    const uniform = codeLives(timeline).events.map(({ expectedUniformUsed }) => expectedUniformUsed);
    // 5·(1 − (4/5)⁸)
    expect(uniform[0]).toBeCloseTo(4.1611, 4);
    expect(chart("Codes in use").table.rows).toEqual([
      [10, 3, 3, uniform[0]],
      [25, 1, 3, uniform[1]],
      [30, 3, 4, uniform[2]],
    ]);
  });

  it("show births, deaths and revivals after the first record", () => {
    const { table, note } = chart("Births, deaths and revivals");
    expect(table.columns).toEqual(["step", "births", "deaths", "revivals"]);
    expect(table.rows).toEqual([
      [25, 0, 2, 0],
      [30, 1, 0, 1],
    ]);
    expect(note).toContain("3 codes by the first record, step 10");
  });

  it("show the codes that training replaced, where it replaces any", () => {
    const all = records.map((each, i) => ({ ...each, replaced: [Uint32Array.from([3, 4].slice(i))] }));
    const charts = lifeCharts({ ...timeline, records: all }, 0, "");
    const { table, note } = charts.find(({ title }) => title.startsWith("Births")) as (typeof charts)[0];
    expect(table.columns).toEqual(["step", "births", "deaths", "revivals", "replaced"]);
    expect(table.rows).toEqual([
      [25, 0, 2, 0, 1],
      [30, 1, 0, 1, 0],
    ]);
    expect(note).toContain("Replaced: put on a latent of the batch");
  });

  it("show the drift of the codebook and of its median code", () => {
    expect(chart("Drift").table.rows).toEqual([
      [10, 0.5, 0.125],
      [25, 0.25, 0.0625],
      [30, 0.125, 0.03125],
    ]);
    const fixed = { ...timeline, records: records.map((record) => ({ ...record, drift: null })) };
    expect(lifeCharts(fixed, 0, "").map(({ title }) => title)).not.toContain("Drift of the codes");
  });

  it("show how old the codes in use are, by the intervals in which their lives began", () => {
    const { table, note } = chart("Age of the codes");
    // Code 0 since the first interval, 20 to 30 steps ago; 1 and 3 since the last, 0 to 5 steps ago.
    expect(table.rows).toEqual([
      [20, 30, 1],
      [5, 20, 0],
      [0, 5, 2],
    ]);
    expect(note).toContain("3 codes in use; 1 fell out of use, 1 were never used.");
  });

  it("show which codes were in use when, the most used above", () => {
    const { table } = chart("Which codes");
    // Totals 14, 8, 1, 1, 0: codes 0, 1, 2, 3, 4.
    expect(table.rows.filter(([, step]) => step === 30)).toEqual([
      [1, 30, 1, 1],
      [2, 30, 1, 1],
      [3, 30, 1, 0],
      [4, 30, 1, 1],
      [5, 30, 1, 0],
    ]);
  });

  it("share rows among the codes of a large codebook", () => {
    const codebookSize = 600; // three a row, 200 rows
    const counts = { indices: Uint32Array.of(2, 7, 9, 599), counts: Float64Array.of(1, 9, 3, 2) };
    const large = {
      codebookSize,
      numCodebooks: 1,
      records: [{ step: 4, samples: 15, codebooks: [counts], drift: null }],
    };
    const rows = lifeCharts(large, 0, "").at(-1)?.table.rows ?? [];
    expect(rows).toHaveLength(200);
    expect(rows.slice(0, 3)).toEqual([
      [1, 4, 3, 3],
      [4, 4, 3, 1],
      [7, 4, 3, 0],
    ]);
  });

  it("are none of a run without records", () => {
    expect(lifeCharts({ ...timeline, records: [] }, 0, "")).toEqual([]);
  });
});

/** A finished run with the timeline. */
async function newRun(): Promise<RunFolder> {
  const run = await writeRun(join(await temporaryFolder(), "a"), { codebookSize: SIZE });
  const log = await run.openTimeline({ codebookSize: SIZE, numCodebooks: 1, from: 0 });
  for (const record of records) await log.append(record);
  await log.close();
  return run;
}

describe("a run's page", () => {
  it("has the charts, and in its data the life of every code", async () => {
    const run = await newRun();
    await writeUsage(run, 7);
    const { evidence } = await runUsage(run);
    expect(evidence.timeline?.records).toHaveLength(3);
    const page = await renderRunReport(run);
    expect(page).toContain('aria-label="Which codes were in use when"');
    const [, json = "null"] = /id="vqkit-data">(.*?)<\/script>/s.exec(page) ?? [];
    expect(JSON.parse(json).lives).toEqual({
      steps: [10, 25, 30],
      codebooks: [
        {
          born: [1, 1, 1, 3, 0],
          lastUsed: [3, 3, 1, 3, 0],
          aliveSince: [1, 3, 0, 3, 0],
          deaths: [0, 1, 1, 0, 0],
        },
      ],
    });
  });

  it("of an unfinished run has them too", async () => {
    const run = await newRun();
    await writeMetrics(run, [{ step: 30, totalLoss: 1 }]);
    await run.removeSummary();
    const page = await renderRunReport(run);
    expect(page).toContain("Codes over training");
    expect(page).toContain('aria-label="Codes in use"');
  });

  it("shows the pictures of steps, the first, the last and those between evenly", async () => {
    const run = await newRun();
    const strips = run.strips();
    const { png } = await pictureGrid([{ images: [3, 5].map(shaded) }]);
    await strips.writeOriginals(png);
    for (let step = 10; step <= 230; step += 10) await strips.write(step, png);
    const page = await renderRunReport(run);
    const titles = [...page.matchAll(/<figcaption>(Originals|Step [\d,]+)</g)].map(([, title]) => title);
    // Twelve of 23: every second.
    expect(titles).toEqual(["Originals", ...Array.from({ length: 12 }, (_, i) => `Step ${10 + 20 * i}`)]);
    expect(page.match(/src="data:image\/webp;base64,/g)).toHaveLength(13);
  });

  it("gives its charts to files", async () => {
    const run = await newRun();
    await writeUsage(run, 7);
    const { report, evidence } = await runUsage(run);
    expect(usageCharts(report, evidence).map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        "codes-in-use",
        "births-deaths-and-revivals",
        "drift-of-the-codes",
        "age-of-the-codes",
      ]),
    );
  });
});
