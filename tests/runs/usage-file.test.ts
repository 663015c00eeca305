import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { CodeCounts, ScaleCounter } from "../../src/metrics/index.js";
import { readUsageFile, writeUsageFile } from "../../src/runs/index.js";
import { temporaryFolder } from "../reports/runs.js";

const geometry = { gridHeight: 1, gridWidth: 5, imageHeight: 4, imageWidth: 4, numCodebooks: 1 };
const indices = Uint16Array.of(3, 0, 1, 1, 1, 3, 2, 0, 1, 1);

async function written() {
  const file = path.join(await temporaryFolder(), "usage.json");
  const counts = new CodeCounts(4);
  const counter = new ScaleCounter(4, 1, [1, 2]);
  counts.add(indices);
  counter.add(indices);
  await writeUsageFile(file, { counts, images: 2, geometry, scales: counter.scales });
  return file;
}

test("usage of each scale comes back, and its figures stand in the file", async () => {
  const file = await written();
  const { scales, counts } = await readUsageFile(file);
  expect(scales?.map(({ side, counts: each }) => [side, [...each.counts()]])).toEqual([
    [1, [0, 0, 0, 2]],
    [2, [2, 5, 1, 0]],
  ]);
  expect([...counts.counts()]).toEqual([2, 5, 1, 2]);
  const json = JSON.parse(await readFile(file, "utf8")) as {
    scales: { side: number; figures: { used: number; samples: number } }[];
  };
  expect(json.scales.map(({ side, figures }) => [side, figures.used, figures.samples])).toEqual([
    [1, 1, 2],
    [2, 3, 8],
  ]);
});

test("scales that are no parts of the whole are refused; files without any are as before", async () => {
  const file = await written();
  const json = JSON.parse(await readFile(file, "utf8"));
  json.scales[0].counts.codebooks[0] = { indices: [2], counts: [2] };
  await writeFile(file, JSON.stringify(json));
  await expect(readUsageFile(file)).rejects.toThrow(
    /scales: expected counts whose sum is that of all indices/,
  );
  delete json.scales;
  await writeFile(file, JSON.stringify(json));
  expect(await readUsageFile(file)).not.toHaveProperty("scales");
});
