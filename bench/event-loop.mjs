// How long a server's own thread is held up while it encodes uploads, eight in flight: the 99th percentile of the
// event loop's delay, and images a second, without and with worker threads. No race: there is nothing to run against.
// usage: npm run build && node bench/event-loop.mjs [small-256] [small-512] [base-256] [--seconds 8] [--workers 1]
//   [--rounds 1]; rounds alternate, and the median of each figure is printed
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { selectEngine } from "../dist/src/backend/index.js";
import { Random } from "../dist/src/core/random.js";
import { Tokenizer } from "../dist/src/tokenizer/index.js";
import { saveUntrainedModel } from "./lib/untrained-model.mjs";

const IN_FLIGHT = 8;
/** Milliseconds between two looks at the loop: the least delay that is seen. */
const RESOLUTION = 1;
const cases = [
  { preset: "small", size: 256 },
  { preset: "small", size: 512 },
  { preset: "base", size: 256 },
];

const text = { type: "string" };
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seconds: text, workers: text, rounds: text, model: text, size: text },
});
const rounds = Number(values.rounds ?? 1);
const seconds = Number(values.seconds ?? 8);
if (values.model === undefined) await compareAll(Number(values.workers ?? 1));
else await measure(values.model, Number(values.size), Number(values.workers));

/** Each measurement in a process of its own, so that none has another's compiled graphs or heap. */
async function compareAll(most) {
  const work = await mkdtemp(join(tmpdir(), "vqkit-bench-loop-"));
  try {
    await selectEngine();
    console.log(`${IN_FLIGHT} uploads in flight, ${seconds} s each`);
    console.log("preset, pixels   workers   delay p50     p99     max   images/s");
    for (const { preset, size } of cases) {
      if (positionals.length > 0 && !positionals.includes(`${preset}-${size}`)) continue;
      const model = join(work, `${preset}.safetensors`);
      await saveUntrainedModel(model, preset);
      const kinds = [...new Set([0, most])];
      const found = new Map(kinds.map((workers) => [workers, []]));
      for (let round = 0; round < rounds; round++)
        for (const workers of kinds) found.get(workers).push(inProcess({ model, size, workers, seconds }));
      for (const [workers, all] of found) {
        const median = (name) => all.map((each) => each[name]).sort((x, y) => x - y)[all.length >> 1];
        const ms = (name) => `${median(name).toFixed(1)} ms`.padStart(9);
        console.log(
          `${`${preset}, ${size}×${size}`.padEnd(16)}${String(workers).padStart(8)}   ${ms("p50")} ${ms("p99")} ${ms("max")} ${median("speed").toFixed(2).padStart(9)}`,
        );
      }
    }
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function inProcess(options) {
  const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
  const { stdout, status } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`${options.model}: the measurement failed.`);
  return JSON.parse(stdout);
}

/** Uploads as they come: files of a camera's kind, decoded and scaled by the tokenizer. */
async function uploads(size) {
  const side = 2 * size;
  return Promise.all(
    Array.from({ length: IN_FLIGHT }, (_, i) => {
      const random = new Random(i, "upload");
      const pixels = Uint8Array.from({ length: side * side * 3 }, () => random.integer(256));
      return sharp(pixels, { raw: { height: side, width: side, channels: 3 } })
        .blur(3)
        .normalise()
        .jpeg()
        .toBuffer();
    }),
  );
}

async function measure(model, size, workers) {
  const tokenizer = await Tokenizer.load(model, { workers });
  const files = await uploads(size);
  const options = { size };
  // The graphs are compiled, also those of joined passes.
  for (let i = 0; i < 2; i++) await Promise.all(files.map((file) => tokenizer.encode(file, options)));
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION });
  let done = 0;
  const start = performance.now();
  const end = start + 1000 * seconds;
  histogram.enable();
  const client = async (file) => {
    while (performance.now() < end) {
      await tokenizer.encode(file, options);
      done++;
    }
  };
  await Promise.all(files.map(client));
  histogram.disable();
  const speed = (1000 * done) / (performance.now() - start);
  const ms = (value) => value / 1e6;
  const { max } = histogram;
  console.log(
    JSON.stringify({
      p50: ms(histogram.percentile(50)),
      p99: ms(histogram.percentile(99)),
      max: ms(max),
      speed,
    }),
  );
  await tokenizer.close();
}
