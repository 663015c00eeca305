import { writeFile } from "node:fs/promises";
import path from "node:path";
import { type Browser, chromium } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.js";
import { compareImages } from "../../src/metrics/index.js";
import { buildComparison, type Comparison, renderComparisonPage } from "../../src/reports/index.js";
import { RunFolder } from "../../src/runs/index.js";
import { temporaryFolder } from "../data/temporary.js";
import { type RunContent, shaded, writeMetrics, writeRun, writeUsage } from "../reports/runs.js";
import { executable, expectFitsPaper, openPage } from "./chromium.js";

const MEGABYTE = 2 ** 20;
const SHADES = [4, 90, 31, 200];
const EVIL = "<b>fsq & 'x'</script><img src=x onerror=alert(1)>";

interface PageData {
  readonly comparison: Comparison;
  readonly configs: readonly Readonly<Record<string, unknown>>[];
  readonly examples: {
    readonly columns: number;
    readonly width: number;
    readonly height: number;
    readonly rows: readonly { readonly label: string; readonly psnr: readonly number[] }[];
  };
}

describe.skipIf(executable === undefined)(
  `a comparison in a browser${executable === undefined ? " (no Chromium here)" : ""}`,
  () => {
    let folder: string;
    let browser: Browser;
    let dirs: string[];
    let file: string;

    beforeAll(async () => {
      folder = await temporaryFolder();
      browser = await chromium.launch({ executablePath: executable as string, args: ["--no-sandbox"] });
      dirs = [];
      const contents: RunContent[] = [0, 1, 2].flatMap((seed) => [
        { seed, psnr: 20 + seed, originals: SHADES, config: { schedule: "cosine" } },
        {
          kind: EVIL,
          codebookSize: 1000,
          codeDim: 4,
          seed,
          psnr: 22 + 3 * seed,
          originals: SHADES,
          config: { schedule: "constant" },
        },
      ]);
      for (const [i, content] of contents.entries()) {
        const run = await writeRun(path.join(folder, `run${i}`), content);
        await writeUsage(run, content.codebookSize);
        await writeMetrics(run, curve(i, 40));
        dirs.push(run.dir);
      }
      const page = await renderComparisonPage(await buildComparison(dirs));
      expect(page.length).toBeLessThan(MEGABYTE);
      file = await saved("comparison.html", page);
    });

    afterAll(() => browser?.close());

    test.each([
      [1400, "light"],
      [390, "dark"],
    ] as const)("%d pixels wide, %s", { timeout: 60_000 }, async (width, scheme) => {
      const { opened } = await show(file, width, scheme);
      expect(await opened.textContent("h1")).toContain(EVIL);
      expect(await opened.locator("svg.chart").count()).toBeGreaterThan(10);
      expect(await opened.locator("#figures tbody tr").count()).toBe(4); // two rows, two baselines
      expect(await opened.locator(".examples img").count()).toBe(1 + 2 * 2);
      await expectFitsPaper(opened);
      expect(await opened.locator(".strip-tools").isVisible()).toBe(false);
      await opened.close();
    });

    test("its data are the figures of the runs, computed again", async () => {
      const { opened, data } = await show(file, 1400);
      const psnr = await Promise.all(
        dirs.map(async (dir) => {
          const { figures } = await (await RunFolder.open(dir)).readSummary();
          return (figures as { final: { psnr: number } }).final.psnr;
        }),
      );
      const [vq, other] = data.comparison.rows;
      const values = psnr.filter((_, i) => i % 2 === 0);
      const others = psnr.filter((_, i) => i % 2 === 1);
      expect(vq?.psnr?.values).toEqual(values);
      expect(other?.fromBaseline?.psnr?.values).toEqual(
        others.map((value, i) => value - (values[i] as number)),
      );
      // 20, 21 and 22: 21 ± 4.302653·1/√3; the pairs 2, 4 and 6: 4 ± 4.302653·2/√3
      expect(vq?.psnr?.interval?.low).toBeCloseTo(21 - 2.484138, 5);
      expect(other?.fromBaseline?.psnr?.interval?.high).toBeCloseTo(4 + 4.968276, 5);
      const cells = await opened.locator("#figures tbody tr").first().locator("td").allTextContents();
      expect(cells[1]).toBe("21.0018.52 to 23.48");
      const differences = "#differences-from-the-baseline tbody td";
      expect(await opened.locator(differences).first().textContent()).toBe("+4.00−0.97 to +8.97");
      await opened.close();
    });

    test("pictures are the runs' own pixels, and error maps what lies between them", async () => {
      const { opened, data } = await show(file, 1400);
      expect(data.examples).toMatchObject({ columns: 4, width: 6, height: 4 });
      const sources = await opened
        .locator(".examples img")
        .evaluateAll((images) => images.map((image) => (image as unknown as { src: string }).src));
      const strips = await Promise.all(sources.map(pixelsOf));
      // Seed 0 reconstructs shade s as s + 1.
      expect([...(strips[0] as Uint8Array)]).toEqual(besides(SHADES));
      expect([...(strips[1] as Uint8Array)]).toEqual(besides(SHADES.map((shade) => shade + 1)));
      const expected = SHADES.map((shade) => {
        const [a, b] = [shade, shade + 1].map((each) => ({ ...shaded(each), count: 1 }));
        return compareImages(a as never, b as never)[0]?.psnr;
      });
      expect(data.examples.rows.map(({ psnr }) => psnr)).toEqual([expected, expected]);
      // Equal errors have equal colours: both rows reconstruct alike.
      expect(strips[2]).toEqual(strips[4]);
      expect(new Set(strips[2]).size).toBeGreaterThan(3);
      await opened.close();
    });

    test("the magnifier shows the same place of all rows, by pointer and by keys", async () => {
      const { opened } = await show(file, 1400);
      const image = opened.locator('.examples img[data-kind="row"]').first();
      const box = await image.boundingBox();
      if (box === null) throw new Error("no picture");
      expect(await opened.locator(".lens").isVisible()).toBe(false);
      await image.hover({ position: { x: (2.5 / 4) * box.width, y: box.height / 2 } });
      // Images 6×4 pixels hold a square of 4 at most; the middle of 6 is 1 to 4.
      expect(await opened.textContent("#lens-place")).toMatch(/^Image 3, columns 1 to 4, rows 0 to 3\./);
      expect(await opened.locator(".lens canvas").count()).toBe(5);
      const [vq] = await opened.locator(".lens figcaption").filter({ hasText: "vq: " }).allTextContents();
      // A shade more is 7 more in every byte, but where it wraps: of shade 31 bytes are 217 + i, of 32 224 + i.
      const [a, b] = [shaded(31).pixels, shaded(32).pixels];
      const square = [0, 1, 2, 3].flatMap((y) => Array.from({ length: 12 }, (_, i) => 18 * y + 3 + i));
      const error = square.reduce((sum, i) => sum + Math.abs((a[i] as number) - (b[i] as number)), 0);
      expect(vq).toBe(`vq: ${(error / square.length).toFixed(1)}`);

      await opened.locator(".examples").focus();
      await opened.keyboard.press("ArrowRight");
      expect(await opened.textContent("#lens-place")).toMatch(/^Image 4, columns 0 to 3/);
      await opened.uncheck("#show-errors");
      expect(await opened.locator(".picture-box.error").first().isVisible()).toBe(false);
      await opened.click("#lens-close");
      expect(await opened.locator(".lens").isVisible()).toBe(false);
      await opened.close();
    });

    test("any two rows are told apart field by field", async () => {
      const { opened } = await show(file, 390);
      const fields = opened.locator("#pair-table tbody th");
      expect(await fields.allTextContents()).toEqual([
        "quantizer.kind",
        "quantizer.codebookSize",
        "quantizer.codeDim",
        "schedule",
      ]);
      expect(await opened.locator("#pair-table tbody td").last().textContent()).toBe('"constant"');
      await opened.selectOption('select[name="second"]', "0");
      expect(await opened.locator("#pair-table").isVisible()).toBe(false);
      expect(await opened.textContent("#pair-none")).toContain("the same");
      await opened.close();
    });

    test("of a sweep of 40 runs with large pictures and long logs it stays under 5 MB", {
      timeout: 120_000,
    }, async () => {
      const runs: RunFolder[] = [];
      const random = new Random(5, "noise");
      const noise = Uint8Array.from({ length: 8 * 128 * 128 * 3 }, () => random.integer(256));
      for (let i = 0; i < 40; i++) {
        const run = await writeRun(path.join(folder, `sweep${i}`), {
          codebookSize: 2 ** (3 + (i % 20)),
          seed: Math.floor(i / 20),
          psnr: 15 + i / 4,
          originals: SHADES,
        });
        await writeMetrics(run, []);
        const lines = curve(i, 1500).map((record) => JSON.stringify(record));
        await writeFile(run.path("metrics"), `${lines.join("\n")}\n`);
        await noisyPicture(run, noise, i);
        runs.push(run);
      }
      const page = await renderComparisonPage(await buildComparison(runs, { sweep: ["codebookSize"] }));
      expect(page.length).toBeLessThan(5 * MEGABYTE);
      const { opened, data } = await show(await saved("sweep.html", page), 390);
      expect(data.comparison.rows).toHaveLength(20);
      expect(data.examples.columns).toBeLessThan(8);
      expect(await opened.locator("#against-what-was-swept svg.chart").count()).toBe(7); // speed is not among them
      await opened.close();
    });

    async function saved(name: string, page: string): Promise<string> {
      const target = path.join(folder, name);
      await writeFile(target, page);
      return target;
    }

    function show(file: string, width: number, colorScheme: "light" | "dark" = "light") {
      return openPage<PageData>(browser, file, { width, colorScheme });
    }
  },
);

/** Figures of training that differ from run to run. */
function curve(run: number, steps: number): Record<string, number>[] {
  const random = new Random(run, "curve");
  return Array.from({ length: steps }, (_, i) => ({
    step: i + 1,
    reconstructionLoss: (1 + random.next()) / (i + 1 + run),
    usageWindow: (i + 1) / (steps + run),
    perplexityWindow: 1 + i + run,
    quantizationError: 0.1 + random.next(),
    gradientNorm: 1 + random.next(),
    imagesPerSecond: 50 + 10 * random.next(),
  }));
}

/** Originals beside each other, as RGB bytes. */
function besides(shades: readonly number[]): number[] {
  const images = shades.map((shade) => shaded(shade).pixels);
  return [0, 1, 2, 3].flatMap((y) => images.flatMap((pixels) => [...pixels.slice(18 * y, 18 * (y + 1))]));
}

async function pixelsOf(url: string): Promise<Uint8Array> {
  const file = Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
  return new Uint8Array(await sharp(file).removeAlpha().toColourspace("srgb").raw().toBuffer());
}

/** Replaces a run's picture by eight pairs of 128×128 crops that no compression makes small. */
async function noisyPicture(run: RunFolder, noise: Uint8Array, shift: number): Promise<void> {
  const [side, columns] = [128, 8];
  const [width, height] = [side * columns, 2 * side];
  const pixels = new Uint8Array(2 * noise.length);
  // The originals above are the same for all runs, the reconstructions are others.
  pixels.set(noise);
  pixels.set(noise.subarray(0, noise.length - 999 * shift), noise.length + 999 * shift);
  const png = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .png()
    .toBuffer();
  await run.writeFile("reconstructions", png);
  const { conventions, figures } = await run.readSummary();
  const reconstructions = {
    rows: 2,
    columns,
    cellWidth: side,
    cellHeight: side,
    gap: 0,
    left: 0,
    top: 0,
  };
  await run.writeSummary({ conventions, figures: { ...figures, reconstructions } });
}
