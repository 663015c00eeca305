// How long the largest pages take that reports promise, and how large they are: codes on disk to a page, and a run
// folder to a page. No race: there is nothing to run against.
// usage: npm run build && node bench/report-pages.mjs
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Random } from "../dist/src/core/random.js";
import { PlaceCounter, renderRunReport, renderUsagePage, usageReport } from "../dist/src/reports/index.js";
import { RunFolder } from "../dist/src/runs/index.js";
import { countCodes, readCodes, writeCodes } from "../dist/src/tokenizer/index.js";

const work = await mkdtemp(join(tmpdir(), "vqkit-bench-pages-"));
try {
  await timed("65,536 codes, 1,015,808 indices", await largeCodes(join(work, "codes")));
  await timed("100,000 recorded steps of 14 figures", await longRun(join(work, "run")));
} finally {
  await rm(work, { recursive: true, force: true });
}

/** Seconds from the files to the page on disk, by the wall and by the processor. */
async function timed(name, makePage) {
  const file = join(work, "page.html");
  const started = performance.now();
  const before = process.cpuUsage();
  await writeFile(file, await makePage());
  const { user, system } = process.cpuUsage(before);
  const seconds = (performance.now() - started) / 1000;
  const { size } = await stat(file);
  console.log(
    `${name}: ${seconds.toFixed(1)} s (${((user + system) / 1e6).toFixed(1)} s of processor), ${(size / 1e6).toFixed(2)} MB`,
  );
}

async function largeCodes(dir) {
  const codebookSize = 65_536;
  const shape = [62, 128, 128, 1];
  const random = new Random(3, "pages");
  const indices = Uint16Array.from({ length: shape.reduce((a, b) => a * b) }, () =>
    Math.floor(codebookSize * random.next() ** 2),
  );
  const images = Array.from({ length: 62 }, (_, i) => ({ name: `${i}`, width: 512, height: 512 }));
  await writeCodes(dir, [{ indices, shape, codebookSize, images, fingerprint: "0".repeat(64) }]);
  const vectors = { codeDim: 64, values: random.fill(64 * codebookSize, (each) => each.normal()) };
  return async () => {
    const counted = await countCodes(dir);
    const places = new PlaceCounter({ codebookSize, codes: Array.from({ length: 32 }, (_, i) => i) });
    for await (const grids of readCodes(dir)) places.add(grids);
    const evidence = { counts: counted.counts, places: [places.result()], vectors };
    return renderUsagePage(usageReport(counted), evidence);
  };
}

async function longRun(dir) {
  const run = await RunFolder.create(dir);
  await run.writeConfig({ steps: 100_000 });
  const random = new Random(2, "pages");
  const names =
    "totalLoss reconstructionLoss l2Loss commitmentLoss codebookLoss gradientNorm quantizationError learningRate usageBatch usageWindow perplexityBatch perplexityWindow imagesPerSecond elapsedSeconds";
  const log = await run.openMetrics();
  for (let step = 1; step <= 100_000; step++) {
    const figures = names.split(" ").map((name) => [name, 1 / (1 + step / 1000) + random.next()]);
    await log.append({ step, ...Object.fromEntries(figures) });
  }
  await log.close();
  return async () => renderRunReport(await RunFolder.open(dir));
}
