// Kills training with kill -9 at seeded random moments, resumes each time with --resume, and compares every file that a
// run leaves with that of an uninterrupted one, times aside.
// Half of the moments are times, the other half operations on files of the run (a write is cut in the middle), so that
// checkpoints, metrics, configuration and lock are all hit while they are written.
// usage: npm run build && node tools/crash-test.mjs [--kills 100] [--seed 0] [--images samples/photos] [--steps 40]
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { runOutcome } from "./run-outcome.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "100" },
    seed: { type: "string", default: "0" },
    images: { type: "string", default: join(root, "samples/photos") },
    steps: { type: "string", default: "40" },
  },
});
const kills = Number(values.kills);
const { Random } = await import(pathToFileURL(join(root, "dist/src/index.js")).href);
const random = new Random(Number(values.seed), "crash test");
const folder = mkdtempSync(join(tmpdir(), "vqkit-crash-"));
const preload = pathToFileURL(join(root, "tools/crash-points.mjs")).href;

const model = "--preset tiny --downsampling-factor 2 --set model.baseWidth=8 --set model.latentChannels=8";
const quantizer = "--quantizer vq --codebook-size 24 --code-dim 8 --set weightAverageDecay=0.9";
const often = `--checkpoint-every 3 --set evaluateEvery=8 --set logEvery=2 --steps ${values.steps}`;
const small = "--crop-size 16 --batch-size 4 --held-out 0.3 --set data.evaluationCropsPerImage=1 --threads 1";
const flags = [model, quantizer, often, small, "--seed 5"].join(" ").split(" ");

/** Trains in `out`, or resumes there, and is killed at most once; says how it ended. */
async function train(out, { afterMilliseconds, atOperation, count } = {}) {
  const isBegun = existsSync(join(out, "config.json"));
  const task = isBegun ? ["--resume", out] : [values.images, ...flags, "--out", out];
  const child = spawn(
    process.execPath,
    ["--import", preload, join(root, "dist/cli/main.js"), "train", ...task, "--quiet"],
    {
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        ...process.env,
        CRASH_FOLDER: folder,
        ...(atOperation !== undefined && { CRASH_AT: String(atOperation) }),
        ...(count !== undefined && { CRASH_COUNT: count }),
      },
    },
  );
  let stderr = "";
  child.stderr.on("data", (text) => (stderr += text));
  const timer = afterMilliseconds && setTimeout(() => child.kill("SIGKILL"), afterMilliseconds);
  const [code, signal] = await new Promise((done) => child.on("close", (...how) => done(how)));
  clearTimeout(timer);
  if (signal === "SIGKILL") {
    // The summary is written last: a kill after it has hit a run that had ended, but for its lock, which the next
    // process to write there would remove.
    if (!existsSync(join(out, "summary.json"))) return "killed";
    rmSync(join(out, ".vqkit.lock"), { force: true });
    return "finished";
  }
  if (code !== 0) throw new Error(`training failed with ${code ?? signal}: ${stderr}`);
  return "finished";
}

let failed = false;
try {
  const count = join(folder, "operations");
  const started = performance.now();
  await train(join(folder, "whole"), { count });
  const milliseconds = performance.now() - started;
  const operations = Number(readFileSync(count, "utf8"));
  const expected = runOutcome(join(folder, "whole"));
  console.log(
    JSON.stringify({ run: "uninterrupted", seconds: milliseconds / 1000, operations, files: expected }),
  );

  const made = { byTime: 0, byOperation: 0 };
  for (let run = 1; made.byTime + made.byOperation < kills; run++) {
    const out = join(folder, `run-${run}`);
    const before = made.byTime + made.byOperation;
    for (let finished = false; !finished; ) {
      const isLeft = made.byTime + made.byOperation < kills;
      const kind = random.next() < 0.5 ? "byTime" : "byOperation";
      // A resumed run has fewer operations left, and one that starts reads its program first.
      const moment =
        kind === "byTime"
          ? { afterMilliseconds: Math.ceil(milliseconds * (0.3 + 0.7 * random.next())) }
          : { atOperation: 1 + random.integer(Math.ceil(operations / 2)) };
      finished = (await train(out, isLeft ? moment : {})) === "finished";
      if (!finished) made[kind]++;
    }
    const found = runOutcome(out);
    const same = JSON.stringify(found) === JSON.stringify(expected);
    failed ||= !same;
    const survived = made.byTime + made.byOperation - before;
    console.log(JSON.stringify({ run, kills: survived, same, ...(same ? {} : { files: found }) }));
    rmSync(out, { recursive: true });
  }
  console.log(JSON.stringify({ ...made, same: !failed }));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failed ? 1 : 0;
