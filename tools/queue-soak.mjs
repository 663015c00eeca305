// Encodes many images on a queue: by 1, 2 and more workers, then with workers and submitter killed at random moments with
// SIGKILL and Redis stopped and started in between; compares every folder of codes with that of one process, byte by byte.
// usage: npm run build && node tools/queue-soak.mjs [--images 20000] [--images-per-piece 200] [--workers 3] [--kills 20]
//        [--stops 2] [--format npy] [--seed 0] [--keep]
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Random } from "../dist/src/core/random.js";
import { makeImages, QueueFleet, say, succeed } from "./queue-fleet.mjs";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "20000" },
    "images-per-piece": { type: "string", default: "200" },
    workers: { type: "string", default: "3" },
    kills: { type: "string", default: "20" },
    stops: { type: "string", default: "2" },
    format: { type: "string", default: "npy" },
    seed: { type: "string", default: "0" },
    keep: { type: "boolean", default: false },
  },
});
const count = Number(values.images);
const workers = Number(values.workers);
const random = new Random(Number(values.seed), "queue soak");
const fleet = new QueueFleet("queue-soak");

const submit = (out, ...more) =>
  fleet.vqkit(
    ...["encode", "run", "images", "--out", out, "--format", values.format, ...fleet.queue],
    ...["--images-per-piece", values["images-per-piece"], ...more],
  );

/** Names, lengths and content of all files. */
function digestOf(out) {
  const hash = createHash("sha256");
  for (const name of readdirSync(join(fleet.root, out)).sort()) {
    const content = readFileSync(join(fleet.root, out, name));
    hash.update(`${name} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

function check(out, expected) {
  if (digestOf(out) !== expected) throw new Error(`${out}: expected the files of one process, got others.`);
  fleet.checkClear(out);
}

try {
  say(`making ${count} images`);
  await makeImages(fleet.root, count, random);
  const model = ["--preset", "tiny", "--steps", "2", "--batch-size", "4", "--crop-size", "32"];
  await succeed(fleet.vqkit("train", "images/000", ...model, "--out", "run", "--quiet"));
  const begun = performance.now();
  await succeed(fleet.vqkit("encode", "run", "images", "--out", "alone", "--format", values.format));
  say(`one process: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  const expected = digestOf("alone");
  await fleet.startRedis();
  for (let n = 1; n <= workers; n++) {
    const started = performance.now();
    const several = Array.from({ length: n }, () => fleet.worker());
    await succeed(submit(`by-${n}`));
    say(`${n} workers: ${((performance.now() - started) / 1000).toFixed(1)} s, identical`);
    for (const worker of several) worker.kill("SIGTERM");
    await Promise.all(several.map((worker) => worker.done));
    check(`by-${n}`, expected);
  }
  const told = await fleet.killed({
    submit: (flags) => submit("killed", ...flags),
    ...{ workers: 2, kills: Number(values.kills), stops: Number(values.stops), random },
    wait: () => 500 + random.integer(3000),
  });
  check("killed", expected);
  const parts = Object.entries(told).map(([what, times]) => `${what} ${times}`);
  say(`killed or stopped (${parts.join(", ")}): identical`);
  process.stdout.write(`${JSON.stringify({ images: count, workers, ...told, identical: true })}\n`);
} finally {
  if (values.keep) say(fleet.root);
  fleet.end({ keep: values.keep });
}
