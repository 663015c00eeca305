import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.js";
import {
  PlaceCounter,
  renderRunReport,
  renderUsagePage,
  type UsageEvidence,
  usageReport,
} from "../../src/reports/index.js";
import { RunFolder } from "../../src/runs/index.js";
import {
  type CodesShape,
  countCodes,
  surveyCodes,
  Tokenizer,
  writeCodes,
} from "../../src/tokenizer/index.js";
import { noise, temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { writeMetrics, writeRun, writeUsage } from "../reports/runs.js";
import { modelFile, quantizers } from "../tokenizer/model.js";
import "../tokenizer/two-codebooks.js";
import { executable, expectFitsPaper, openPage } from "./chromium.js";

describe.skipIf(executable === undefined)(
  `reports in a browser${executable === undefined ? " (no Chromium here)" : ""}`,
  () => {
    let folder: string;
    let browser: Browser;

    beforeAll(async () => {
      folder = await temporaryFolder();
      browser = await chromium.launch({ executablePath: executable as string, args: ["--no-sandbox"] });
    });

    afterAll(() => browser?.close());

    test("K = 65,536 and a million indices: the figures of the code file", {
      timeout: 240_000,
    }, async () => {
      const codebookSize = 65_536;
      const shape: CodesShape = [62, 128, 128, 1];
      const random = new Random(3, "codes");
      // Skewed, with the largest index and 77 codes that never occur.
      const indices = Uint16Array.from({ length: 62 * 128 * 128 }, () =>
        Math.max(77, Math.floor(codebookSize * random.next() ** 3)),
      );
      indices[5] = codebookSize - 1;
      const images = Array.from({ length: 62 }, (_, i) => ({ name: `${i}`, width: 512, height: 512 }));
      const out = path.join(folder, "codes");
      await writeCodes(out, [{ indices, shape, codebookSize, images, fingerprint: "0".repeat(64) }]);

      const counted = await countCodes(out);
      const report = usageReport(counted, { name: "</script><img src=x onerror=alert(1)>" });
      const places = new PlaceCounter({ codebookSize, codes: [77, 78, 79] });
      places.add({ indices, shape });
      const vectors = { codeDim: 4, values: random.fill(4 * codebookSize, (each) => each.normal()) };
      const evidence = { counts: counted.counts, places: [places.result()], vectors: [vectors] };
      const page = await renderUsagePage(report, evidence);

      const { opened, data } = await show(await saved("large.html", page), 1400);
      const counts = new Uint32Array(codebookSize);
      for (const index of indices) counts[index] = (counts[index] as number) + 1;
      const [book] = data.codebooks;
      const shown = new Uint32Array(codebookSize);
      for (const [i, index] of book?.indices.entries() ?? []) shown[index] = book?.counts[i] as number;
      expect(shown.every((count, index) => count === counts[index])).toBe(true);
      const used = counts.filter((count) => count > 0);
      const entropy = used.reduce((sum, n) => sum - (n / indices.length) * Math.log2(n / indices.length), 0);
      expect(data.report.entropyBits).toBeCloseTo(entropy, 9);
      expect(data.report.scopes.at(-1)).toMatchObject({
        samples: indices.length,
        usage: used.length / codebookSize,
      });
      expect(data.report.bitsPerPixel).toBeCloseTo(entropy / 16, 9);
      expect(await opened.title()).toBe("Codebook usage: </script><img src=x onerror=alert(1)>");

      await opened.fill('input[name="code"]', "3");
      expect(await opened.textContent("#found-0")).toBe("Code 3: never chosen.");
      await opened.fill('input[name="code"]', "77");
      expect(await opened.textContent("#found-0")).toContain(
        `chosen ${(counts[77] as number).toLocaleString("en-US")} times`,
      );
      expect(await opened.textContent("#found-0")).toContain("rank 1 of 65,536");
      await opened.fill('input[name="code"]', "65536");
      expect(await opened.textContent("#found-0")).toBe("Expected an integer in 0..65535, got 65536.");
      // The map: 256 codes a row, so the middle of cell (row 2, column 9) is code 521.
      const box = await opened.locator("[data-map] svg image").first().boundingBox();
      if (box === null) throw new Error("no map");
      await opened
        .locator("[data-map] svg image")
        .first()
        .hover({
          position: { x: (9.5 / 256) * box.width, y: (2.5 / 256) * box.height },
        });
      expect(await opened.textContent("[data-map] .readout")).toMatch(/^Code 521: chosen/);
      await opened.close();
    });

    test("a run of 100,000 steps is thinned, on wide and narrow screens, light and dark", {
      timeout: 240_000,
    }, async () => {
      const dir = path.join(folder, "<b>run & 'x'");
      const run = await writeRun(dir, { originals: [1, 2, 3] });
      await writeUsage(run);
      const random = new Random(2, "metrics");
      const lines = Array.from({ length: 100_000 }, (_, i) => {
        const totalLoss = 1 / (1 + i / 1000) + 0.1 * random.next();
        return JSON.stringify({
          step: i + 1,
          totalLoss,
          reconstructionLoss: totalLoss,
          learningRate: 1e-3,
          usageBatch: 0.1,
          samplesBatch: 5,
          perplexityBatch: 3,
          gradientNorm: random.next(),
        });
      });
      await writeMetrics(run, []);
      await writeFile(run.path("metrics"), `${lines.join("\n")}\n`);
      const page = await renderRunReport(await RunFolder.open(dir));
      const file = await saved("run.html", page);
      for (const width of [1400, 390]) {
        const { opened } = await show(file, width, width === 390 ? "dark" : "light");
        expect(await opened.textContent("h1")).toContain("<b>run & 'x'");
        expect(await opened.locator("svg.chart").count()).toBeGreaterThan(7);
        await expectFitsPaper(opened);
        await opened.close();
      }
    });

    test("an atlas: pictures of codes, found by search", { timeout: 120_000 }, async () => {
      await useEngine();
      const images = path.join(folder, "images");
      await mkdir(images);
      const { default: sharp } = await import("sharp");
      for (const seed of [1, 2]) {
        const [height, width] = [24, 40];
        const { pixels } = noise(seed, { height, width });
        await sharp(pixels, { raw: { width, height, channels: 3 } })
          .png()
          .toFile(path.join(images, `${seed}.png`));
      }
      const tokenizer = await Tokenizer.load(await modelFile(folder, quantizers.vq));
      try {
        const survey = await surveyCodes(tokenizer, images, { patches: 3 });
        expect(survey.counts.samples).toBe(
          survey.grids.reduce((sum, { indices }) => sum + indices.length, 0),
        );
        const evidence: UsageEvidence = {
          counts: survey.counts,
          vectors: [await tokenizer.codeVectors()],
          atlases: survey.atlases,
        };
        const report = usageReport(survey);
        const file = await saved("atlas.html", await renderUsagePage(report, evidence));
        for (const width of [1400, 390]) {
          const { opened } = await show(file, width);
          const [most] = report.codebooks[0]?.mostUsed ?? [];
          await opened.fill('input[name="code"]', String(most?.index));
          expect(await opened.locator("#pictures-0 .sprite").count()).toBe(4);
          const image = await opened.evaluate(
            'getComputedStyle(document.querySelector("#pictures-0 .sprite")).backgroundImage',
          );
          expect(image).toMatch(/^url\("data:image\/webp/);
          await opened.close();
        }
      } finally {
        tokenizer.dispose();
      }
    });

    test("an atlas of each of two codebooks, and the lives of codes", { timeout: 120_000 }, async () => {
      await useEngine();
      const images = path.join(folder, "two");
      await mkdir(images);
      const { default: sharp } = await import("sharp");
      const [height, width] = [24, 40];
      const { pixels } = noise(4, { height, width });
      await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(path.join(images, "a.png"));
      const tokenizer = await Tokenizer.load(await modelFile(folder, { kind: "two-signs" }));
      try {
        const { counts, atlases, ...survey } = await surveyCodes(tokenizer, images, { patches: 3 });
        const codebook = (indices: number[]) => ({
          indices: Uint32Array.from(indices),
          counts: Float64Array.from(indices, () => 1),
        });
        const timeline = {
          codebookSize: 4,
          numCodebooks: 2,
          records: [
            { step: 10, samples: 2, codebooks: [codebook([0, 3]), codebook([1, 2])], drift: null },
            { step: 20, samples: 1, codebooks: [codebook([3]), codebook([2])], drift: null },
          ],
        };
        const page = await renderUsagePage(usageReport({ counts, ...survey }), { counts, atlases, timeline });
        const { opened } = await show(await saved("two.html", page), 1400);
        const code = atlases[1]?.codes[0];
        await opened.fill('form[data-codebook="1"] input', String(code?.index));
        expect(await opened.locator("#pictures-1 .sprite.sheet1").count()).toBe(
          1 + (code?.patches.length ?? 0),
        );
        const sheets = await opened.evaluate(
          '[0, 1].map((i) => getComputedStyle(document.querySelector(".atlas .sheet" + i)).backgroundImage)',
        );
        expect(new Set(sheets as string[]).size).toBe(2);
        for (const [q, index, life] of [
          [0, 0, "In training: first used by step 10, fell out of use 1 time, last used by step 10."],
          [0, 3, "In training: first used by step 10."],
          [0, 1, "Never used in training."],
          [1, 1, "In training: first used by step 10, fell out of use 1 time, last used by step 10."],
        ] as const) {
          await opened.fill(`form[data-codebook="${q}"] input`, String(index));
          expect(await opened.textContent(`#found-${q}`)).toContain(life);
        }
        await opened.close();
      } finally {
        tokenizer.dispose();
      }
    });

    async function saved(name: string, page: string): Promise<string> {
      const file = path.join(folder, name);
      await writeFile(file, page);
      return file;
    }

    function show(file: string, width: number, colorScheme: "light" | "dark" = "light") {
      return openPage<PageData>(browser, file, { width, colorScheme });
    }
  },
);

interface PageData {
  readonly report: ReturnType<typeof usageReport>;
  readonly codebooks: readonly { readonly indices: number[]; readonly counts: number[] }[];
}
