// Lets each operation on files of a short run fail once with "no space left on device": the n-th alone, and the n-th with
// all that follow, for every n. Each time training has to end with one line that says so, leave no file in progress and
// no damaged checkpoint, and resume (or start, where nothing was there yet) to the same bytes as a run that nothing stopped.
// usage: npm run build && node tools/disk-full.mjs [--stride 1] [--first 1] [--quantizer vq]
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { interceptFiles } from "./file-operations.mjs";
import { runOutcome } from "./run-outcome.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    stride: { type: "string", default: "1" },
    first: { type: "string", default: "1" },
    quantizer: { type: "string", default: "vq" },
  },
});
const { Random, Trainer, VqkitError } = await import(pathToFileURL(join(root, "dist/src/index.js")).href);
const folder = mkdtempSync(join(tmpdir(), "vqkit-disk-full-"));
const [images, runs] = [join(folder, "images"), join(folder, "runs")];
mkdirSync(runs);

/** What a full disk cannot do; removing and closing are not among it, but a network file system may say so on closing. */
const NEED_SPACE = new Set([
  "open",
  "write",
  "writeFile",
  "sync",
  "truncate",
  "close",
  "mkdir",
  "rename",
  "link",
]);

async function makeImages() {
  mkdirSync(images);
  for (let i = 0; i < 5; i++) {
    const random = new Random(i, "disk full");
    const coarse = Buffer.from(Array.from({ length: 4 * 3 * 3 }, () => random.integer(256)));
    await sharp(coarse, { raw: { width: 4, height: 3, channels: 3 } })
      .resize(28, 22, { kernel: "cubic", fit: "fill" })
      .png()
      .toFile(join(images, `${i}.png`));
  }
}

const options = (out) => ({
  model: { preset: "tiny", downsamplingFactor: 2, baseWidth: 4, residualBlocks: 0, latentChannels: 4 },
  recipe: "paper",
  quantizer: {
    kind: values.quantizer,
    ...(values.quantizer === "fsq" ? {} : { codebookSize: 12, codeDim: 4 }),
  },
  data: { images, cropSize: [12, 16], heldOut: 0.3, evaluationCropsPerImage: 1 },
  out,
  steps: 4,
  batchSize: 2,
  logEvery: 1,
  evaluateEvery: 3,
  checkpointEvery: 2,
  evaluateUntrained: false,
  weightAverageDecay: 0.9,
  threads: 1,
  seed: 3,
});

/** Trains to the end, or until something fails. @returns the error */
async function drained(making) {
  let trainer;
  try {
    trainer = await making;
    for await (const _ of trainer.run());
    return undefined;
  } catch (error) {
    return error;
  } finally {
    trainer?.dispose();
  }
}

/** Counts operations and lets those fail that `fails` says. */
async function withFaults(fails, work) {
  const operations = [];
  const restore = await interceptFiles(runs, async ({ name, proceed }) => {
    if (!NEED_SPACE.has(name)) return proceed();
    operations.push(name);
    if (!fails(operations.length)) return proceed();
    // The file is closed all the same.
    if (name === "close") await proceed();
    throw Object.assign(new Error(`ENOSPC: no space left on device, ${name}`), { code: "ENOSPC" });
  });
  try {
    return { error: await work(), operations };
  } finally {
    restore();
  }
}

const hidden = (dir) =>
  existsSync(dir) ? readdirSync(dir, { recursive: true }).filter((name) => /(^|\/)\./.test(name)) : [];

/** What is wrong after the n-th operation failed; an empty list when nothing is. */
async function problemsOf(n, mode, expected) {
  const out = join(runs, `${mode}-${n}`);
  const fails = mode === "one" ? (i) => i === n : (i) => i >= n;
  const { error, operations } = await withFaults(fails, () => drained(Trainer.create(options(out))));
  const problems = [];
  // Metrics are also written when a second has passed, so that a slow run has more operations than a quick one.
  const isReached = operations.length >= n;
  if (error === undefined) {
    if (isReached) problems.push("ended as if nothing had failed");
  } else if (!(error instanceof VqkitError) || !/^[^\n]+ENOSPC[^\n]+$/.test(error.message)) {
    problems.push(`ended with ${error.stack}`);
  }
  if (hidden(out).length > 0) problems.push(`left ${hidden(out).join(", ")}`);
  let how = "finished";
  if (!existsSync(join(out, "summary.json"))) {
    how = existsSync(join(out, "config.json")) ? "resumed" : "begun anew";
    let skipped = [];
    const making = how === "resumed" ? Trainer.resume(out) : Trainer.create(options(out));
    const again = await drained(
      making.then((trainer) => {
        skipped = trainer.resumed?.skipped ?? [];
        return trainer;
      }),
    );
    if (again !== undefined) problems.push(`${how}, failed with ${again.stack}`);
    if (skipped.length > 0) problems.push(`left a damaged checkpoint: ${skipped[0].reason}`);
  }
  const found = existsSync(out) ? runOutcome(out) : {};
  for (const name of new Set([...Object.keys(expected), ...Object.keys(found)])) {
    if (found[name] !== expected[name]) problems.push(`${name}: ${found[name]} instead of ${expected[name]}`);
  }
  rmSync(out, { recursive: true, force: true });
  return { operation: operations[n - 1] ?? "none", how, problems };
}

let failed = 0;
try {
  await makeImages();
  const whole = join(runs, "whole");
  const { error, operations } = await withFaults(
    () => false,
    () => drained(Trainer.create(options(whole))),
  );
  if (error !== undefined) throw error;
  const expected = runOutcome(whole);
  console.log(JSON.stringify({ run: "uninterrupted", operations: operations.length, files: expected }));
  const cases = { one: {}, rest: {} };
  const ends = {};
  for (let n = Number(values.first); n <= operations.length; n += Number(values.stride)) {
    for (const mode of Object.keys(cases)) {
      const { operation, how, problems } = await problemsOf(n, mode, expected);
      cases[mode][operation] = (cases[mode][operation] ?? 0) + 1;
      ends[how] = (ends[how] ?? 0) + 1;
      if (problems.length === 0) continue;
      failed++;
      console.log(JSON.stringify({ n, mode, operation, how, problems }));
    }
  }
  console.log(JSON.stringify({ operations: operations.length, cases, ends, failed }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed > 0 ? 1 : 0;
