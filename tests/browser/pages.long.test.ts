import { appendFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { comparedPhotographs } from "../../cli/photographs.js";
import { exportOnnx } from "../../src/export/index.js";
import { diagnose, readDiagnosisRecord } from "../../src/reports/diagnosis/index.js";
import {
  buildComparison,
  renderComparisonPage,
  renderRunReport,
  renderUsagePage,
  type UsageEvidence,
  usageReport,
} from "../../src/reports/index.js";
import { RunFolder } from "../../src/runs/index.js";
import { photographThrough, surveyCodes, Tokenizer } from "../../src/tokenizer/index.js";
import { findWebRuntime, type QueueView, serveModelPage, serveRuns } from "../../src/ui/index.js";
import { expectFiguresOfFiles } from "../reports/recomputed.js";
import { type Folders, temporaryFolder, tinyFolders, tinyRun, train } from "../training/tiny-runs.js";
import { executable } from "./chromium.js";
import { type Faults, faultsOf } from "./page-faults.js";

/** Every page there is, drawn from real runs of a few seconds. */
const PAGES = [
  ["comparison", "A whole photograph"],
  ["run", "A whole photograph"],
  ["codebook", "What codes look like"],
  ["index", "Training now"],
  ["live", "Curves"],
  ["overlay", "Curves of 3 runs"],
  ["report", "Loss card"],
  ["try", "Encoded in"],
  ["queue", "Workers"],
] as const;
const SCREENS = [
  [1400, "light"],
  [1400, "dark"],
  [390, "light"],
  [390, "dark"],
] as const;

const queue: QueueView = {
  address: "redis://example.org:6379",
  isReady: true,
  tasks: [
    {
      ...{ id: "0123456789abcdef", kind: "encode", pieces: 1200, done: 317, failed: 2, underWay: 3 },
      ...{ isPaused: false, createdAt: Date.UTC(2026, 10, 28) },
    },
  ],
  workers: ["a", "b", "c"].map((id, i) => ({
    ...{ id, host: "a-host-of-a-long-name.example.org", pid: 4711 + i, task: "0123456789abcdef" },
    ...{ piece: 41 + i, items: 640, allItems: 50_123, allPieces: 50, refused: {} },
    ...{ startedAt: Date.UTC(2026, 10, 28), at: Date.UTC(2026, 10, 28) },
  })),
};

describe.skipIf(executable === undefined)(
  `every page${executable === undefined ? " (no Chromium here)" : ""}`,
  () => {
    let folders: Folders;
    let browser: Browser;
    const addresses = new Map<string, string>();
    const closing: { close(): Promise<void> }[] = [];

    beforeAll(async () => {
      folders = await tinyFolders();
      browser = await chromium.launch({ executablePath: executable as string, args: ["--no-sandbox"] });
      const { runs } = folders;
      const dirs = [];
      for (const [name, quantizer] of [
        ["vq", { kind: "vq", codebookSize: 16, codeDim: 8 }],
        ["fsq", { kind: "fsq", levels: [4, 3] }],
      ] as const) {
        const out = path.join(runs, name);
        await train(tinyRun(folders.images, { out, quantizer, steps: 80, evaluateEvery: 20 }));
        dirs.push(out);
      }
      await underWay(path.join(runs, "under-way"), dirs[0] as string);
      await reports(dirs);
      const server = await serveRuns({ folders: [runs], port: 0, queue: async () => queue });
      closing.push(server);
      await addressesOf(server.url);
    }, 240_000);

    afterAll(async () => {
      await browser?.close();
      for (const each of closing) await each.close();
    });

    /** The pages that are files: a comparison, a run, its codebook; and the page of a model. */
    async function reports(dirs: readonly string[]): Promise<void> {
      const target = await temporaryFolder();
      const saved = async (name: string, page: string) => {
        const file = path.join(target, `${name}.html`);
        await writeFile(file, page);
        addresses.set(name, `file://${file}`);
      };
      const comparison = await buildComparison(dirs);
      const terminal = {
        stdout: process.stdout,
        stderr: process.stderr,
        signal: new AbortController().signal,
      };
      const photographs = await comparedPhotographs(terminal, comparison, { quiet: true, threads: 1 });
      expect(photographs).toHaveLength(2);
      await saved("comparison", await renderComparisonPage(comparison, { photographs }));
      const dir = dirs[0] as string;
      const run = await RunFolder.open(dir);
      const tokenizer = await Tokenizer.load(dir, { threads: 1 });
      try {
        const survey = await surveyCodes(tokenizer, folders.images);
        const evidence: UsageEvidence = {
          counts: survey.counts,
          vectors: [await tokenizer.codeVectors()],
          atlases: survey.atlases,
          photograph: await photographThrough(tokenizer, path.join(folders.images, "image00.png")),
          diagnosis: diagnose(await readDiagnosisRecord(run)),
        };
        const { vectors, photograph } = evidence;
        await saved("run", await renderRunReport(run, { vectors, photograph } as UsageEvidence));
        await saved("codebook", await renderUsagePage(usageReport(survey, { name: "vq" }), evidence));
      } finally {
        await tokenizer.close();
      }
      const model = path.join(target, "onnx");
      await exportOnnx(dir, { out: model, threads: 1, checkAtMost: 1 });
      const root = path.resolve(import.meta.dirname, "../..");
      const server = await serveModelPage({ model, runtime: findWebRuntime([root]), port: 0 });
      closing.push(server);
      addresses.set("try", server.url);
    }

    async function addressesOf(url: string): Promise<void> {
      const list = await (await fetch(url)).text();
      const ids = [...list.matchAll(/name="run" value="([0-9a-f]{16})"/g)].map(([, id]) => id as string);
      expect(ids).toHaveLength(3); // the one under way stands first
      addresses.set("index", url);
      addresses.set("live", `${url}runs/${ids[0]}`);
      addresses.set("overlay", `${url}overlay?${ids.map((id) => `run=${id}`).join("&")}`);
      addresses.set("report", `${url}runs/${ids[1]}/report`);
      addresses.set("queue", `${url}queue`);
    }

    const cases = PAGES.flatMap(([name, words]) =>
      SCREENS.map(([width, scheme]) => [name, width, scheme, words] as const),
    );
    test.each(cases)("%s at %d pixels, %s: nothing is wrong", async (name, width, scheme, words) => {
      const wrong: string[] = [];
      const page = await open(name, width, scheme, wrong);
      await page.getByText(words).first().waitFor({ timeout: 30_000 });
      await page.waitForLoadState("load");
      await expect.poll(() => page.evaluate("document.documentElement.scrollWidth")).toBe(width);
      const faults: Faults = await page.evaluate(faultsOf);
      expect(faults).toEqual({ pale: [], overlapping: [], cut: [] });
      const shots = process.env.VQKIT_SCREENSHOTS;
      if (shots !== undefined)
        await page.screenshot({ path: path.join(shots, `${name}-${width}-${scheme}.png`), fullPage: true });
      await page.close();
      expect(wrong).toEqual([]);
    });

    test("the pointer, arrow keys and the switch of axes work on every page with curves", async () => {
      for (const name of ["comparison", "run", "codebook", "live", "overlay"]) {
        const wrong: string[] = [];
        const page = await open(name, 1400, "light", wrong);
        const figure = page.locator("figure[data-values]:has(.scale-switch)").first();
        const visible = () => figure.locator(".plot:visible");
        const [before, box] = [await visible().getAttribute("class"), await visible().boundingBox()];
        if (box === null) throw new Error(`${name}: no chart`);
        await figure.scrollIntoViewIfNeeded();
        await visible().hover({ position: { x: box.width / 4, y: box.height / 2 } });
        const values = JSON.parse((await figure.getAttribute("data-values")) ?? "null");
        const told = await visible().locator(".tip .at").textContent();
        expect([name, told]).toEqual([name, expect.stringMatching(`^${values.x} [\\d.,]+$`)]);
        expect(await visible().locator(".tip .name").first().textContent()).toBe(values.curves[0].name);
        await visible().focus();
        await page.keyboard.press("ArrowRight");
        expect(await visible().locator(".tip .at").textContent()).not.toBe(told);
        await page.keyboard.press("Escape");
        expect(await page.locator(".tip").count()).toBe(0);
        await figure.locator(".scale-switch").click();
        expect(await visible().count()).toBe(1);
        expect(await visible().getAttribute("class")).not.toBe(before);
        await page.close();
        expect(wrong).toEqual([]);
      }
    });

    test("tables are sorted by a click on a head, and the order stays when the page grows", async () => {
      const wrong: string[] = [];
      const page = await open("overlay", 390, "light", wrong);
      const names = () => page.locator("#overlay-runs tbody th").allTextContents();
      const before = await names();
      await page.locator("#overlay-runs th", { hasText: /^Step$/ }).click();
      await page.locator("#overlay-runs th", { hasText: /^Step$/ }).click();
      expect((await names())[0]).toBe("under-way");
      // A row of three: it is in order already, and stays so after a change.
      const head = page.locator("#overlay-runs th", { hasText: /^Run$/ });
      await head.click();
      await head.click();
      const sorted = await names();
      expect(sorted).toEqual([...before].sort().reverse());
      const metrics = path.join(folders.runs, "under-way", "metrics.jsonl");
      const lines = (await readFile(metrics, "utf8")).trimEnd().split("\n");
      const next = { ...JSON.parse(lines.at(-1) as string), step: 31 };
      await appendFile(metrics, `${JSON.stringify(next)}\n`);
      await page.waitForSelector("#overlay-runs:has-text('31 of 80')", { timeout: 60_000 });
      expect(await names()).toEqual(sorted);
      await page.close();
      expect(wrong).toEqual([]);
    });

    test("figures on the page of a trained run are those of its files, computed again", async () => {
      const file = (addresses.get("run") as string).replace("file://", "");
      await expectFiguresOfFiles(await readFile(file, "utf8"), path.join(folders.runs, "vq"));
    });

    /** A browser page that notes whatever it says, and every request to anyone else. */
    async function open(
      name: string,
      width: number,
      colorScheme: "light" | "dark",
      wrong: string[],
    ): Promise<Page> {
      const address = addresses.get(name) as string;
      const page = await browser.newPage({ viewport: { width, height: 900 }, colorScheme });
      const own = address.startsWith("file:") ? address : new URL(address).origin;
      page.on("console", (message) => wrong.push(message.text()));
      page.on("pageerror", (error) => wrong.push(error.message));
      page.on("dialog", (dialog) => wrong.push(dialog.message()));
      page.on("request", (request) => {
        const url = request.url();
        if (!url.startsWith(own) && !/^(data|blob):/.test(url)) wrong.push(url);
      });
      await page.goto(address);
      return page;
    }
  },
);

/** A run of 80 steps that is at its 30th: the records of another, and a lock of a process that lives. */
async function underWay(dir: string, source: string): Promise<void> {
  await mkdir(dir, { recursive: true });
  await writeFile(path.join(dir, "config.json"), await readFile(path.join(source, "config.json")));
  const lines = (await readFile(path.join(source, "metrics.jsonl"), "utf8")).split("\n");
  await writeFile(path.join(dir, "metrics.jsonl"), `${lines.slice(0, 30).join("\n")}\n`);
  await rm(path.join(dir, "summary.json"), { force: true });
  await writeFile(path.join(dir, ".vqkit.lock"), '{"pid":7,"host":"elsewhere","started":null}\n');
}
