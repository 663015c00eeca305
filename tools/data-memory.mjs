// Trains one epoch on many small images in tar shards, in a process of its own for each count, and prints the peak of
// resident memory: how it grows with the set. Pictures repeat after 500; what is known of each image does not.
// usage: npm run build && node tools/data-memory.mjs [--images 10000,100000] [--side 16] [--form tar|gzip|parquet]
//        [--shuffle-buffer N] [--cache-megabytes 0] [--batch-size 50]
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { gzipSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import sharp from "sharp";
import { pack } from "tar-stream";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "10000,100000" },
    side: { type: "string", default: "16" },
    form: { type: "string", default: "tar" },
    "shuffle-buffer": { type: "string" },
    "cache-megabytes": { type: "string", default: "0" },
    "batch-size": { type: "string", default: "50" },
    // Of the process that trains.
    train: { type: "string" },
    count: { type: "string" },
  },
});
const side = Number(values.side);
const PICTURES = 500;
const PER_SHARD = 1000;
const ENDINGS = { tar: "tar", gzip: "tar.gz", parquet: "parquet" };

if (values.train === undefined) await measure();
else await train(values.train);

async function measure() {
  const pictures = await Promise.all(Array.from({ length: PICTURES }, (_, i) => picture(i)));
  const peaks = [];
  for (const count of values.images.split(",").map(Number)) {
    const folder = mkdtempSync(join(tmpdir(), "vqkit-data-memory-"));
    try {
      await writeShards(folder, count, pictures);
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        [
          fileURLToPath(import.meta.url),
          ...process.argv.slice(2),
          "--train",
          folder,
          "--count",
          String(count),
        ],
        { encoding: "utf8" },
      );
      if (status !== 0) throw new Error(stderr);
      const { steps, megabytes, seconds } = JSON.parse(stdout);
      peaks.push(megabytes);
      console.log(
        `${count} images, ${Math.ceil(count / PER_SHARD)} files: ${steps} steps in ${seconds} s, peak ${megabytes} MB`,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  console.log(`from the first to the last: ${(peaks.at(-1) - peaks[0]).toFixed(0)} MB`);
}

/** A picture of its own colours, as a PNG file. */
function picture(i) {
  const pixels = Uint8Array.from(
    { length: side * side * 3 },
    (_, at) => ((at % (3 * side)) * (i + 2) + i) % 256,
  );
  return sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toBuffer();
}

async function writeShards(folder, count, pictures) {
  mkdirSync(folder, { recursive: true });
  for (let from = 0; from < count; from += PER_SHARD) {
    const numbers = Array.from({ length: Math.min(PER_SHARD, count - from) }, (_, i) => from + i);
    const own = numbers.map((i) => pictures[i % PICTURES]);
    const bytes = values.form === "parquet" ? tableOf(own) : await tarOf(numbers, own);
    const name = `${String(from).padStart(8, "0")}.${ENDINGS[values.form]}`;
    writeFileSync(join(folder, name), values.form === "gzip" ? gzipSync(bytes, { level: 1 }) : bytes);
  }
}

async function tarOf(numbers, images) {
  const archive = pack();
  for (const [i, bytes] of images.entries()) archive.entry({ name: `${numbers[i]}.png` }, bytes);
  archive.finalize();
  const parts = [];
  for await (const part of archive) parts.push(part);
  return Buffer.concat(parts);
}

function tableOf(images) {
  const columnData = [{ name: "image", data: images, type: "BYTE_ARRAY" }];
  return Buffer.from(parquetWriteBuffer({ columnData, rowGroupSize: 250 }));
}

async function train(folder) {
  const { Trainer } = await import("../dist/src/index.js");
  const began = performance.now();
  const batchSize = Number(values["batch-size"]);
  const heldOut = 0.01;
  const steps = Math.ceil(((1 - heldOut) * Number(values.count)) / batchSize); // an epoch
  const trainer = await Trainer.create({
    model: { preset: "tiny", downsamplingFactor: 2, baseWidth: 4, residualBlocks: 1, latentChannels: 4 },
    quantizer: { kind: "fsq", levels: [5, 4] },
    data: {
      images: folder,
      cropSize: side,
      heldOut,
      cacheMegabytes: Number(values["cache-megabytes"]),
      shuffleBuffer: values["shuffle-buffer"] === undefined ? null : Number(values["shuffle-buffer"]),
    },
    evaluateUntrained: false,
    batchSize,
    steps,
    threads: 1,
  });
  for await (const _ of trainer.run());
  trainer.dispose();
  const megabytes = Math.round(process.resourceUsage().maxRSS / 1024);
  console.log(JSON.stringify({ steps, megabytes, seconds: Math.round((performance.now() - began) / 1000) }));
}
