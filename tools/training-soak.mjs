// Trains for a long time with the command line, with evaluation and checkpoints, while `vqkit ui` shows the run and is
// asked for its pages as a browser would; records resident memory of both. Ends the training with SIGINT and resumes it
// for one more step.
// usage: npm run build && node tools/training-soak.mjs [--minutes 30] [--kind vq] [--images samples/photos] [--threads 1]
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    kind: { type: "string", default: "vq" },
    images: { type: "string", default: fileURLToPath(new URL("../samples/photos", import.meta.url)) },
    threads: { type: "string", default: "1" },
  },
});
const minutes = Number(values.minutes);
const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "vqkit-training-soak-"));
const out = join(folder, "run");
const SAMPLE_SECONDS = 5;
/** The first fifth is warm-up; the last fifth may take this much more than the second. */
const MOST_GROWTH_PERCENT = 5;

const model = ["--preset", "tiny", "--quantizer", values.kind, "--codebook-size", "256", "--crop-size", "32"];
const often = [
  "--batch-size",
  "8",
  "--checkpoint-every",
  "50",
  "--set",
  "evaluateEvery=100",
  "--steps",
  "10000000",
];

const children = [];

/** Starts the command line; `output` grows with what it writes. */
function vqkit(args) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  children.push(child);
  const told = { child, output: "", stdout: "" };
  child.stdout.on("data", (chunk) => {
    told.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    told.output += chunk;
  });
  told.ended = new Promise((resolve) => child.on("close", (code, signal) => resolve({ code, signal })));
  return told;
}

/** Resident memory of a process in MB. */
function residentMB(pid) {
  const match = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Math.round(Number(match?.[1]) / 1024);
}

/** Asks for what an open page asks for; every tenth time for the whole pages. */
async function look(url, count) {
  const overview = await (await fetch(new URL("/live", url))).text();
  const [run] = /\/runs\/[0-9a-f]{16}/.exec(overview) ?? [];
  if (run === undefined) return;
  const paths = [`${run}/live`, ...(count % 10 === 0 ? ["/", run, `${run}/report`] : [])];
  for (const path of paths) {
    const answer = await fetch(new URL(path, url));
    await answer.arrayBuffer();
    // A run of which nothing has been recorded yet has no report.
    if (!answer.ok && answer.status !== 404) throw new Error(`${path}: ${answer.status}`);
  }
}

const mean = (numbers) => Math.round(numbers.reduce((sum, n) => sum + n, 0) / numbers.length);

/** Means of ten parts, and how much more the last fifth takes than the second. */
function curve(samples) {
  const part = samples.length / 10;
  const means = Array.from({ length: 10 }, (_, i) =>
    mean(samples.slice(Math.floor(i * part), Math.max(Math.floor((i + 1) * part), Math.floor(i * part) + 1))),
  );
  const [second, last] = [mean(means.slice(2, 4)), mean(means.slice(8))];
  const growthPercent = Number(((100 * (last - second)) / second).toFixed(1));
  return { meansMB: means, mostMB: Math.max(...samples), growthPercent };
}

/** What has been recorded: the last step, and how many were evaluated. */
function recorded() {
  const text = readFileSync(join(out, "metrics.jsonl"), "utf8");
  // The last line may be under way.
  const lines = text
    .slice(0, text.lastIndexOf("\n"))
    .split("\n")
    .filter((line) => line !== "");
  const records = lines.map((line) => JSON.parse(line));
  const evaluations = records.filter((each) => typeof each.evaluationReconstructionLoss === "number").length;
  return { steps: records.at(-1)?.step ?? 0, evaluations };
}

const open = (pid) => readdirSync(`/proc/${pid}/fd`).length;

try {
  const training = vqkit([
    "train",
    values.images,
    ...model,
    ...often,
    "--threads",
    values.threads,
    "--out",
    out,
  ]);
  while (!existsSync(join(out, "config.json"))) await wait(200);
  const ui = vqkit(["ui", folder, "--port", "0"]);
  while (!ui.stdout.includes("\n")) await wait(100);
  const url = ui.stdout.trim();
  const begin = performance.now();
  const seen = { training: [], ui: [], trainingFiles: [], uiFiles: [] };
  for (let i = 0; performance.now() - begin < 60_000 * minutes; i++) {
    await wait(1000 * SAMPLE_SECONDS);
    if (training.child.exitCode !== null) throw new Error(`training ended: ${training.output}`);
    await look(url, i);
    seen.training.push(residentMB(training.child.pid));
    seen.ui.push(residentMB(ui.child.pid));
    seen.trainingFiles.push(open(training.child.pid));
    seen.uiFiles.push(open(ui.child.pid));
    if (i % 60 === 59) {
      const [trainingMB, uiMB] = [seen.training.at(-1), seen.ui.at(-1)];
      console.log(JSON.stringify({ ...recorded(), trainingMB, uiMB }));
    }
  }
  training.child.kill("SIGINT");
  const { code } = await training.ended;
  ui.child.kill("SIGINT");
  await ui.ended;
  const { steps, evaluations } = recorded();
  const again = vqkit(["train", "--resume", out, "--steps", String(steps + 1), "--quiet"]);
  const resumed = (await again.ended).code;
  // Lines that are no figures: what a person would be warned of.
  const warnings = `${training.output}\n${ui.output}\n${again.output}`
    .split("\n")
    .filter((line) => /warn|error|fail|leak|deprecat/i.test(line));
  const curves = { training: curve(seen.training), ui: curve(seen.ui) };
  const growing = Object.entries(curves).filter(
    ([, { growthPercent }]) => growthPercent > MOST_GROWTH_PERCENT,
  );
  const files = {
    training: [seen.trainingFiles[0], seen.trainingFiles.at(-1)],
    ui: [seen.uiFiles[0], seen.uiFiles.at(-1)],
  };
  console.log(
    JSON.stringify({
      minutes,
      kind: values.kind,
      steps,
      evaluations,
      checkpoints: readdirSync(join(out, "checkpoints")).length,
      metricsBytes: statSync(join(out, "metrics.jsonl")).size,
      memory: curves,
      openFiles: files,
      exitCode: code,
      resumed,
      warnings,
    }),
  );
  process.exitCode = code === 130 && resumed === 0 && warnings.length === 0 && growing.length === 0 ? 0 : 1;
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
}
