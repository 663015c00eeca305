// Compares quantizers on a queue of two workers, with workers and submitter killed at random moments with SIGKILL and Redis
// stopped and started in between, and holds what is left against the same comparison of one process: comparison.json but
// for images a second, and every file of every run but for times.
// usage: npm run build && node tools/compare-soak.mjs [--steps 200] [--images 24] [--quantizers vq,fsq] [--seeds 0,1]
//        [--kills 8] [--stops 1] [--workers 2] [--seed 0] [--keep]
import { readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { Random } from "../dist/src/core/random.js";
import { makeImages, QueueFleet, say, succeed } from "./queue-fleet.mjs";
import { runOutcome } from "./run-outcome.mjs";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "200" },
    images: { type: "string", default: "24" },
    quantizers: { type: "string", default: "vq,fsq" },
    seeds: { type: "string", default: "0,1" },
    kills: { type: "string", default: "8" },
    stops: { type: "string", default: "1" },
    workers: { type: "string", default: "2" },
    seed: { type: "string", default: "0" },
    keep: { type: "boolean", default: false },
  },
});
const random = new Random(Number(values.seed), "compare soak");
const fleet = new QueueFleet("compare-soak");

const model = "--preset tiny --downsampling-factor 2 --set model.baseWidth=8 --set model.latentChannels=8";
const run = "--crop-size 16 --batch-size 4 --codebook-size 24 --held-out 0.3 --threads 1 --set logEvery=2";
const flags = [
  ...`${model} ${run} --checkpoint-every 5 --set evaluateEvery=20`.split(" "),
  ...["--quantizers", values.quantizers, "--seeds", values.seeds, "--steps", values.steps],
];
const compare = (...more) => fleet.vqkit("compare", "images", ...flags, "--out", "runs", ...more);

/** What a comparison came to. Speed is what differs between equal ones. */
function outcome() {
  const out = join(fleet.root, "runs");
  const { rows, ...rest } = JSON.parse(readFileSync(join(out, "comparison.json"), "utf8"));
  const folders = readdirSync(out, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return {
    comparison: { ...rest, rows: rows.map(({ imagesPerSecond: _, ...row }) => row) },
    files: readdirSync(out).sort(),
    runs: Object.fromEntries(folders.map(({ name }) => [name, runOutcome(join(out, name))])),
  };
}

/** Where two values differ first. */
function difference(a, b, at = "") {
  if (isDeepStrictEqual(a, b)) return undefined;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return at;
  const keys = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return keys.map((key) => difference(a[key], b[key], `${at}/${key}`)).find((each) => each !== undefined);
}

try {
  await makeImages(fleet.root, Number(values.images), random);
  const begun = performance.now();
  await succeed(compare("--quiet"));
  say(`one process: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  const expected = outcome();
  renameSync(join(fleet.root, "runs"), join(fleet.root, "alone"));
  await fleet.startRedis();
  const resume = ["compare", "--resume", "runs", ...fleet.queue];
  let isFirst = true;
  const told = await fleet.killed({
    submit: (more) => {
      // Killed before the plan was written, there is nothing to resume.
      const isBegun = !isFirst && readdirSync(fleet.root).includes("runs");
      isFirst = false;
      return isBegun ? fleet.vqkit(...resume, ...more) : compare(...fleet.queue, ...more);
    },
    resume: [],
    ...{ workers: Number(values.workers), kills: Number(values.kills), stops: Number(values.stops), random },
    wait: () => 1000 + random.integer(2000),
  });
  const at = difference(outcome(), expected);
  if (at !== undefined) throw new Error(`expected what one process leaves, got another ${at}.`);
  fleet.checkClear("runs");
  const { rows } = expected.comparison;
  process.stdout.write(`${JSON.stringify({ rows: rows.length, ...told, identical: true })}\n`);
} finally {
  if (values.keep) say(fleet.root);
  fleet.end({ keep: values.keep });
}
