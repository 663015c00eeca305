// What a queue costs, and what workers bring: images to .npy files by one process with two threads, by one worker with two
// threads, and by two workers with one thread each, on this machine with a redis-server of its own.
// usage: npm run build && node bench/queue.mjs [--images 1200] [--pieces 4] [--side 256] [--preset small] [--rounds 1]
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { encodeAll } from "../dist/src/queue/index.js";
import { Tokenizer, writeCodes } from "../dist/src/tokenizer/index.js";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "1200" },
    pieces: { type: "string", default: "4" },
    side: { type: "string", default: "256" },
    preset: { type: "string", default: "small" },
    rounds: { type: "string", default: "1" },
  },
});
const count = Number(values.images);
const pieces = Number(values.pieces);
const side = Number(values.side);
const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const photos = fileURLToPath(new URL("../samples/photos", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "vqkit-queue-bench-"));
const images = join(root, "images");
const children = [];
let redis;

function start(command, args, onLine = () => {}) {
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  child.stderr.on("data", (text) => {
    for (const line of String(text).trimEnd().split("\n")) onLine(line, performance.now());
  });
  children.push(child);
  child.done = new Promise((resolve) => child.once("close", resolve));
  return child;
}

async function makeImages() {
  mkdirSync(images);
  const files = readdirSync(photos).filter((name) => name.endsWith(".jpg"));
  for (let i = 0; i < count; i++) {
    const file = join(photos, files[i % files.length]);
    const { width, height } = await sharp(file).metadata();
    const left = (37 * i) % Math.max(1, width - side);
    const top = (53 * i) % Math.max(1, height - side);
    const extract = { left, top, width: Math.min(side, width), height: Math.min(side, height) };
    const name = `${String(i).padStart(6, "0")}.jpg`;
    await sharp(file).extract(extract).resize(side, side, { fit: "fill" }).jpeg().toFile(join(images, name));
  }
}

let outs = 0;
const out = () => join(root, `codes-${outs++}`);

/** Seconds of a process by itself, behind its first image, and of its processors. */
async function alone(tokenizer) {
  await tokenizer.encode(join(images, "000000.jpg"));
  const before = processorSeconds(process.pid);
  const begun = performance.now();
  await writeCodes(out(), tokenizer.encodeAll(images));
  return { all: (performance.now() - begun) / 1000, processors: processorSeconds(process.pid) - before };
}

/** Seconds of workers, which have been there before: of all, and from the first piece's end to the last one's. */
async function queued(tokenizer, url, workers) {
  const ends = [];
  const used = () => [process, redis, ...fleet].reduce((sum, { pid }) => sum + processorSeconds(pid), 0);
  const note = (line, at) => {
    if (/^piece \d+: [\d,]+ images/.test(line)) ends.push(at);
  };
  const fleet = workers.map((threads) =>
    start(process.execPath, [program, "worker", "--queue", url, "--threads", String(threads)], note),
  );
  await setTimeout(2000);
  const warm = { queue: { url }, shared: root, model: join(root, "run"), imagesPerPiece: 1 };
  // So that every worker has its model.
  await writeCodes(out(), encodeAll(tokenizer, join(images, "00000*.jpg"), warm));
  ends.length = 0;
  const before = used();
  const options = { queue: { url }, shared: root, model: join(root, "run") };
  const begun = performance.now();
  await writeCodes(
    out(),
    encodeAll(tokenizer, images, { ...options, imagesPerPiece: Math.ceil(count / pieces) }),
  );
  const all = (performance.now() - begun) / 1000;
  const processors = used() - before;
  for (const worker of fleet) worker.kill("SIGTERM");
  await Promise.all(fleet.map(({ done }) => done));
  ends.sort((a, b) => a - b);
  return { all, processors, steady: (ends.at(-1) - ends[0]) / 1000, pieces: ends.length };
}

/** Seconds of processors that a process has used so far, its threads included. */
function processorSeconds(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, "latin1");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100; // user and system, in ticks of 10 ms
}

const round = (value) => Math.round(100 * value) / 100;

try {
  await makeImages();
  const flags = ["--preset", values.preset, "--steps", "1", "--batch-size", "2", "--crop-size", "32"];
  await start(process.execPath, [program, "train", photos, ...flags, "--out", "run", "--quiet"]).done;
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  redis = start("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--dir", root]);
  await setTimeout(500);
  const url = `redis://127.0.0.1:${port}`;
  const tokenizer = await Tokenizer.load(join(root, "run"), { threads: 2 });
  console.log(JSON.stringify({ count, pieces, side, preset: values.preset, load: round(loadavg()[0]) }));
  for (let i = 0; i < Number(values.rounds); i++) {
    const one = await alone(tokenizer);
    const worker = await queued(tokenizer, url, [2]);
    const two = await queued(tokenizer, url, [1, 1]);
    // The same images as the pieces behind the first.
    const expected = (one.all * (worker.pieces - 1)) / worker.pieces;
    console.log(
      JSON.stringify({
        aloneSeconds: round(one.all),
        workerSeconds: round(worker.all),
        processorSeconds: [one, worker, two].map(({ processors }) => round(processors)),
        processorOverheadPercent: round(100 * (worker.processors / one.processors - 1)),
        secondsPerPiece: round(worker.steady / (worker.pieces - 1)),
        overheadPercent: round(100 * (worker.steady / expected - 1)),
        twoWorkersSeconds: round(two.all),
        twoWorkersSpeed: round(one.all / two.all),
      }),
    );
  }
  await tokenizer.dispose();
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
}
