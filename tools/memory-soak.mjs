// Trains for many steps and shows that memory does not grow: resident memory, JavaScript's heap, tensors and compiled
// graphs, ten times on the way. Its last line compares the second half with the point where it began.
// usage: npm run build && node tools/memory-soak.mjs [--steps 5000] [--kind vq] [--threads 2]
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import * as tf from "../dist/src/tf/index.js";
import { Trainer } from "../dist/src/training/index.js";

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "5000" },
    kind: { type: "string", default: "vq" },
    threads: { type: "string", default: "2" },
  },
});
const steps = Number(values.steps);
const out = mkdtempSync(join(tmpdir(), "vqkit-soak-"));
const trainer = await Trainer.create({
  data: { images: fileURLToPath(new URL("../samples/photos", import.meta.url)), cropSize: 32 },
  recipe: "paper",
  quantizer: { kind: values.kind, codebookSize: 256 },
  model: { preset: "tiny" },
  batchSize: 4,
  steps,
  evaluateEvery: null,
  checkpointEvery: Math.ceil(steps / 10),
  threads: Number(values.threads),
  out,
  overwrite: true,
});
const megabytes = (bytes) => Number((bytes / 2 ** 20).toFixed(1));
const seen = [];
try {
  for await (const { step } of trainer.run()) {
    if (step % Math.ceil(steps / 10) !== 0 && step !== 100) continue;
    globalThis.gc?.(); // with node --expose-gc: garbage that is not collected yet is no growth
    const { rss, heapUsed } = process.memoryUsage();
    const { numTensors, compiledGraphs } = tf.memory();
    seen.push({ step, rssMB: megabytes(rss), heapMB: megabytes(heapUsed), numTensors, compiledGraphs });
    console.log(JSON.stringify(seen.at(-1)));
  }
} finally {
  trainer.dispose();
  rmSync(out, { recursive: true });
}
const half = seen.filter(({ step }) => step >= steps / 2).map(({ rssMB }) => rssMB);
const change = (100 * (Math.max(...half) - half[0])) / half[0];
console.log(JSON.stringify({ steps, growthOfSecondHalfPercent: Number(change.toFixed(2)) }));
process.exitCode = change > 2 ? 1 : 0;
