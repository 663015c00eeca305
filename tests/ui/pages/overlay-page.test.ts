import { appendFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { expect, it } from "vitest";
import { temporaryFolder, writeMetrics, writeRun } from "../../reports/runs.js";
import { idOf, served } from "../serve.js";

const record = (step: number, scale: number) => ({
  step,
  reconstructionLoss: scale / step,
  usageWindow: step / 100,
  samplesBatch: 8,
  samplesWindow: 8 * step,
});

/** A run under way: no final figures, and a lock of a process that lives. @returns the file that grows */
async function liveRun(dir: string, scale: number): Promise<string> {
  const run = await writeRun(dir, { config: { steps: 40 } });
  await rm(run.path("summary"));
  await writeMetrics(run, [record(1, scale), record(2, scale)]);
  await writeFile(join(dir, ".vqkit.lock"), '{"pid":7,"host":"elsewhere","started":null}\n');
  return run.path("metrics");
}

/** The values that a chart's figure tells, by its title. */
function valuesOf(page: string, title: string) {
  const { document } = parseHTML(`<html><body>${page}</body></html>`);
  const figures = [...document.querySelectorAll("figure[data-values]")];
  const found = figures.find((figure) => figure.querySelector("figcaption")?.textContent?.startsWith(title));
  return JSON.parse(found?.getAttribute("data-values") ?? "null");
}

it("has the curves of the runs chosen in one chart each, and they grow with the runs", async () => {
  const dir = await temporaryFolder();
  const growing = await liveRun(join(dir, "a"), 1);
  await liveRun(join(dir, "b <i>"), 5);
  const { ask } = await served(dir);
  const list = (await ask("/")).body;
  const ids = ["b &lt;i&gt;", "a"].map((name) => idOf(list, name));
  for (const id of ids) expect(list).toContain(`name="run" value="${id}" form="choose"`);
  const query = ids.map((id) => `run=${id}`).join("&");
  const page = await ask(`/overlay?${query}`);
  expect(page.status).toBe(200);
  expect(page.body).toContain("Curves of 2 runs over one another");
  expect(page.body).not.toContain("<i>");
  const live = await ask(`/overlay/live?${query}`);
  const { curves } = valuesOf(live.body, "Reconstruction loss");
  // In the order chosen, each with its own colour.
  expect(
    curves.map(({ name, colour, ys }: { name: string; colour: string; ys: number[] }) => [name, colour, ys]),
  ).toEqual([
    ["b <i>", "var(--series1)", [5, 2.5]],
    ["a", "var(--series2)", [1, 0.5]],
  ]);
  expect(live.body).toContain("Codebook usage of the last 2 steps");
  expect(live.body).toContain("2 of 40");
  const known = { "if-none-match": String(live.headers.etag) };
  expect((await ask(`/overlay/live?${query}`, known)).status).toBe(304);
  await appendFile(growing, `${JSON.stringify(record(3, 1))}\n`);
  const grown = await ask(`/overlay/live?${query}`, known);
  expect(grown.status).toBe(200);
  expect(valuesOf(grown.body, "Reconstruction loss").curves[1]).toMatchObject({
    name: "a",
    xs: [1, 2, 3],
    ys: [1, 0.5, 0.33333],
  });
});

it("shows as many as there are colours, says how many are left out, and needs one", async () => {
  const dir = await temporaryFolder();
  for (let i = 0; i < 10; i++) await liveRun(join(dir, `run${i}`), i + 1);
  const { ask } = await served(dir);
  const list = (await ask("/")).body;
  const query = Array.from({ length: 10 }, (_, i) => `run=${idOf(list, `run${i}`)}`).join("&");
  const { body } = await ask(`/overlay/live?${query}`);
  expect(valuesOf(body, "Reconstruction loss").curves).toHaveLength(8);
  expect(body).toContain("2 more are left out");
  expect(await ask("/overlay")).toMatchObject({ status: 422, body: expect.stringContaining("Choose runs") });
  expect((await ask("/overlay?run=0123456789abcdef")).status).toBe(404);
});
