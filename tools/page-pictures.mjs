// Draws the pictures of pages in docs/images anew: those of a comparison, of one of its runs, of its codes, of runs in
// training and of a model in the browser. Nothing on them is made up: the run that is seen training is trained meanwhile.
// usage: npm run demo && node tools/page-pictures.mjs runs/demo [--run fsq-seed0] [--only NAME,NAME]
import { spawn } from "node:child_process";
import { copyFile, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { findWebRuntime, serveModelPage, serveRuns } from "../dist/src/ui/index.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { run: { type: "string", default: "fsq-seed0" }, only: { type: "string" } },
});
const [folder] = positionals;
if (folder === undefined)
  throw new Error("expected the folder of a comparison, got none. Type: npm run demo.");

const root = path.resolve(import.meta.dirname, "..");
const images = path.join(root, "docs/images");
const main = path.join(root, "dist/cli/main.js");
const run = path.join(folder, values.run);
const executablePath = process.env.CHROMIUM_PATH ?? "/usr/bin/chromium";

/** Steps of the training that is looked at, and when it is. */
const TRAINED = { steps: 400, seenAt: 240 };

const pictures = {
  "comparison-page": comparison,
  "run-report": runReport,
  "usage-report": usageReport,
  ui,
  try: tryPage,
};
const wanted = values.only?.split(",") ?? [...Object.keys(pictures), "comparison"];

const scratch = await mkdtemp(path.join(tmpdir(), "vqkit-pictures-"));
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  for (const [name, draw] of Object.entries(pictures)) if (wanted.includes(name)) await draw(name);
  if (wanted.includes("comparison"))
    await copyFile(path.join(folder, "comparison.png"), path.join(images, "comparison.png"));
} finally {
  await browser.close();
  await rm(scratch, { recursive: true, force: true });
}

/** The first screens of a comparison, with the magnifier over the crops. */
async function comparison(name) {
  const page = await open(pathToFileURL(path.resolve(folder, "comparison.html")).href, [1240, 1260]);
  await save(page, name);
}

async function runReport(name) {
  const file = path.join(scratch, "run.html");
  await vqkit("report", run, "--html", file);
  const page = await open(pathToFileURL(file).href, [1240, 1400]);
  // With the values of one step.
  const chart = page.locator("#training figure[data-values] .plot:visible").first();
  await chart.scrollIntoViewIfNeeded();
  await page.evaluate("scrollTo(0, document.querySelector('h1').offsetTop - 30)");
  await save(page, name);
}

async function usageReport(name) {
  const codes = path.join(scratch, "codes");
  const file = path.join(scratch, "codes.html");
  await vqkit("encode", run, "samples/photos", "--out", codes, "--quiet");
  await vqkit("report", codes, "--model", run, "--html", file);
  const page = await open(pathToFileURL(file).href, [1240, 1400]);
  await page.locator("#how-often-codes-were-chosen").evaluate((section) => section.scrollIntoView());
  await save(page, name);
}

/** Runs over one another while one of them trains. */
async function ui(name) {
  const out = path.join(scratch, "runs", "simvq-training");
  const { model, data, learningRate, batchSize } = JSON.parse(
    await readFile(path.join(run, "config.json"), "utf8"),
  ).config;
  const like = [
    ...[
      "--crop-size",
      String(data.cropSize[0]),
      "--batch-size",
      String(batchSize),
      "--lr",
      String(learningRate),
    ],
    ...["--preset", "small", "--set", `model.baseWidth=${model.baseWidth}`],
    ...["--set", `model.residualBlocks=[${model.residualBlocks}]`, "--recipe", "paper"],
  ];
  const steps = ["--steps", String(TRAINED.steps), "--evaluate-every", "40", "--out", out, "--quiet"];
  const training = spawn(
    process.execPath,
    [main, "train", "samples/photos", "--quantizer", "simvq", ...like, ...steps],
    { cwd: root, stdio: "inherit" },
  );
  let server;
  try {
    await reaches(out, TRAINED.seenAt, training);
    server = await serveRuns({ folders: [folder, path.dirname(out)], port: 0 });
    const list = await (await fetch(server.url)).text();
    const ids = [...list.matchAll(/name="run" value="([0-9a-f]{16})"/g)].map(([, id]) => id);
    const page = await open(`${server.url}overlay?${ids.map((id) => `run=${id}`).join("&")}`, [1240, 1060]);
    const chart = page.locator("figure[data-values] .plot:visible").first();
    const box = await chart.boundingBox();
    await chart.hover({ position: { x: 0.45 * box.width, y: box.height / 2 } });
    await save(page, name);
  } finally {
    training.kill("SIGTERM");
    await server?.close();
  }
}

async function tryPage(name) {
  const model = path.join(scratch, "onnx");
  await vqkit("export", run, "--to", "onnx", "--out", model, "--quiet");
  const server = await serveModelPage({ model, runtime: findWebRuntime([root]), port: 0 });
  try {
    const page = await open(server.url, [1120, 1065]);
    await page.getByText("Encoded in").waitFor();
    await save(page, name);
  } finally {
    await server.close();
  }
}

/** Waits until a training has recorded a step. */
async function reaches(dir, step, training) {
  for (;;) {
    if (training.exitCode !== null) throw new Error(`the training ended with ${training.exitCode}.`);
    const text = await readFile(path.join(dir, "metrics.jsonl"), "utf8").catch(() => "");
    if (text.split("\n").length > step) return;
    await wait(500);
  }
}

async function open(url, [width, height]) {
  const page = await browser.newPage({ viewport: { width, height } });
  await page.goto(url);
  await page.waitForLoadState("load");
  return page;
}

/** As a PNG of few colours, which is a third of the size. */
async function save(page, name) {
  const file = path.join(images, `${name}.png`);
  await sharp(await page.screenshot())
    .png({ palette: true, effort: 10 })
    .toFile(file);
  await page.close();
  console.log(`Written: ${path.relative(root, file)}`);
}

function vqkit(...args) {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: root,
      stdio: ["ignore", "ignore", "inherit"],
    });
    child.on("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`vqkit ${args.join(" ")} ended with ${code}.`)),
    );
  });
}
