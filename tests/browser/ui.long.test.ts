import { appendFile, mkdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Random } from "../../src/core/random.js";
import { type RunsServer, serveRuns } from "../../src/ui/index.js";
import { temporaryFolder } from "../data/temporary.js";
import { type RunContent, writeMetrics, writeRun, writeUsage } from "../reports/runs.js";
import { executable } from "./chromium.js";

/** Milliseconds that a change may take to show: pages ask the more seldom, the slower the machine answers. */
const PATIENCE = 60_000;
/** A name that would run if a page did not escape it. */
const HOSTILE = "<img src=x onerror=alert(1)> & 'live'";

function records(from: number, to: number): Record<string, number>[] {
  const random = new Random(from, "ui test");
  return Array.from({ length: to - from + 1 }, (_, i) => {
    const step = from + i;
    const reconstructionLoss = 1 / (1 + step / 10) + 0.05 * random.next();
    const usageWindow = 0.3 * (1 - 1 / step);
    return { step, totalLoss: reconstructionLoss, reconstructionLoss, usageWindow, samplesWindow: 4096 };
  });
}

async function finishedRun(dir: string, content: RunContent): Promise<void> {
  const run = await writeRun(dir, { originals: [1, 2, 3, 4], ...content });
  await writeUsage(run);
  await writeMetrics(run, records(1, 8));
}

/** A run of 1,000 steps under way. @returns the file that grows */
async function liveRun(dir: string): Promise<string> {
  const run = await writeRun(dir, { config: { steps: 1000 } });
  await rm(run.path("summary"));
  await writeMetrics(run, records(1, 200));
  await writeFile(path.join(dir, ".vqkit.lock"), '{"pid":7,"host":"elsewhere","started":null}\n');
  return run.path("metrics");
}

describe.skipIf(executable === undefined)(
  `the page of runs in a browser${executable === undefined ? " (no Chromium here)" : ""}`,
  () => {
    let browser: Browser;
    let folder: string;
    let growing: string;
    let server: RunsServer;
    const wrong: string[] = [];

    beforeAll(async () => {
      browser = await chromium.launch({ executablePath: executable as string, args: ["--no-sandbox"] });
    });

    afterAll(() => browser?.close());

    beforeEach(async () => {
      folder = path.join(await temporaryFolder(), "runs");
      await mkdir(folder);
      await finishedRun(path.join(folder, "vq"), { kind: "vq", psnr: 21.5, seed: 0 });
      await finishedRun(path.join(folder, "fsq"), { kind: "fsq", psnr: 23.25, codebookSize: 1000, seed: 0 });
      await finishedRun(path.join(folder, "other-images"), { circumstances: { imageHeight: 8 } });
      growing = await liveRun(path.join(folder, HOSTILE));
      server = await serveRuns({ folders: [folder], port: 0, onError: (error) => wrong.push(String(error)) });
    });

    afterEach(async () => {
      for (const context of browser.contexts()) await context.close();
      await server.close();
      expect(wrong.splice(0)).toEqual([]);
    });

    /** A browser page that notes whatever it says, and every request to anyone else. */
    async function open(width: number, colorScheme: "light" | "dark" = "light"): Promise<Page> {
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      page.on("console", (message) => wrong.push(message.text()));
      page.on("pageerror", (error) => wrong.push(error.message));
      page.on("dialog", (dialog) => wrong.push(dialog.message()));
      page.on("request", (request) => {
        if (!request.url().startsWith(server.url) && !request.url().startsWith("data:"))
          wrong.push(request.url());
      });
      await page.goto(server.url);
      return page;
    }

    /** A page that is still arriving, or changes its parts, may be wider for a moment: it has to settle. */
    const hasWidth = async (page: Page, width: number) => {
      await page.waitForLoadState("load");
      await expect.poll(() => page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    };

    test.each([
      [1400, "light"],
      [390, "dark"],
    ] as const)(
      "every page at %d pixels, %s: no error, no other request, no wider than the screen",
      async (width, scheme) => {
        const page = await open(width, scheme);
        expect(await page.locator("#finished tbody tr").count()).toBe(3);
        expect(await page.locator("#training .card h3").textContent()).toBe(HOSTILE);
        await hasWidth(page, width);

        await page.click("#training h3 a");
        expect(await page.textContent("h1")).toBe(`${HOSTILE} Training`);
        expect(await page.locator("#curves svg.chart").count()).toBeGreaterThanOrEqual(2);
        await hasWidth(page, width);

        await page.goto(server.url);
        await page.click("#finished a:has-text('fsq')");
        expect(await page.textContent("#figures")).toContain("23.25 dB");
        expect(await page.locator("#usage svg.chart").count()).toBeGreaterThanOrEqual(3);
        // The page's own policy forbids what waitForFunction does.
        const widthOfStrip = () => page.evaluate("document.querySelector('img.strip').naturalWidth");
        await expect.poll(widthOfStrip, { timeout: PATIENCE }).toBeGreaterThan(0);
        await hasWidth(page, width);

        await page.click("text=Whole report");
        expect(await page.textContent("h1")).toContain("fsq");
        await page.fill('input[name="code"]', "3"); // the report's own script runs under the report's own policy
        expect(await page.textContent("#found-0")).toContain("Code 3: chosen 4 times");
        await hasWidth(page, width);
      },
    );

    test("follows a training: figures change by themselves, choices and open details stay", {
      timeout: 4 * PATIENCE,
    }, async () => {
      const page = await open(1400);
      await page.check("#finished tr:has-text('fsq') input");
      expect(await page.textContent("#training")).toContain("Step 200 of 1,000");
      await appendFile(
        growing,
        records(201, 230)
          .map((each) => `${JSON.stringify(each)}\n`)
          .join(""),
      );
      await page.waitForSelector("#training:has-text('Step 230 of 1,000')", { timeout: PATIENCE });
      // A run that finishes changes the table under the choice.
      await finishedRun(path.join(folder, "new"), { kind: "simvq", seed: 0 });
      await page.waitForSelector("#finished tr:has-text('simvq')", { timeout: PATIENCE });
      expect(await page.isChecked("#finished tr:has-text('fsq') input")).toBe(true);

      await page.click("#training h3 a");
      await page.click("#findings summary");
      const drawn = await page.locator("#curves svg.chart").first().innerHTML();
      await appendFile(
        growing,
        records(231, 300)
          .map((each) => `${JSON.stringify(each)}\n`)
          .join(""),
      );
      await page.waitForSelector("#head:has-text('Step 300 of 1,000')", { timeout: PATIENCE });
      expect(await page.locator("#curves svg.chart").first().innerHTML()).not.toBe(drawn);
      expect(await page.locator("#findings details[open]").count()).toBe(1);
      await rm(path.dirname(growing), { recursive: true });
      await page.waitForSelector("#connection.lost:has-text('gone')", { timeout: PATIENCE });
      // The browser itself notes the answer 404; nothing else went wrong.
      for (const message of wrong.splice(0)) expect(message).toContain("404");
    });

    test("compares the runs chosen, and refuses those that were measured otherwise", async () => {
      const page = await open(1400);
      for (const name of ["vq", "fsq"]) await page.check(`#finished tr:has(bdi:text-is("${name}")) input`);
      await page.click("#chosen button:text-is('Comparison')");
      expect(await page.textContent("h1")).toContain("Comparison");
      for (const psnr of ["21.50", "23.25"]) expect(await page.textContent("main")).toContain(psnr);
      expect(wrong).toEqual([]);
      await page.goBack();
      await page.check('#finished tr:has(bdi:text-is("other-images")) input');
      await page.click("#chosen button:text-is('Comparison')");
      expect(await page.textContent("main")).toContain('expected "imageHeight" measured as in');
      for (const message of wrong.splice(0)) expect(message).toContain("422");
    });

    test("says when nobody answers any more", { timeout: 2 * PATIENCE }, async () => {
      const page = await open(390);
      await server.close();
      await page.waitForSelector("#connection.lost:has-text('no connection')", { timeout: PATIENCE });
      // Refused, or ended under way: a request may have been on its way when the server closed.
      for (const message of wrong.splice(0)) {
        expect(message).toMatch(/ERR_CONNECTION_(REFUSED|RESET|CLOSED)|ERR_EMPTY_RESPONSE/);
      }
    });
  },
);
