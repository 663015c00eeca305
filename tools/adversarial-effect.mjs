// What an adversarial or a perceptual loss changes: runs of the same seeds with and without it, measured on the held-out
// photographs. Prints a line for each run, then the mean difference of each figure with its 95 % interval over seeds.
// Runs stand in a folder: the same command resumes there where an earlier one was interrupted, and prints what is done.
//
// usage: npm run build && node tools/adversarial-effect.mjs [--steps 2000] [--start 1001] [--seeds 0,1,2] [--preset tiny]
//        [--side 64] [--batch-size 16] [--threads N] [--folder runs/adversarial-effect]
//        [--features FILE.onnx]      a perceptual distance by a network that no run is trained against
//        [--perceptual FILE.onnx]    runs with this perceptual loss instead of an adversarial one
//        [--picture OUT.webp]        originals, without and with, of the first seed; written as soon as that is done
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { pixelsToTensor, tensorToPixels } from "../dist/src/autoencoder/index.js";
import { selectEngine } from "../dist/src/backend/index.js";
import { ImageDataset, imageOfBatch } from "../dist/src/data/index.js";
import { lettering } from "../dist/src/data/lettering.js";
import { FeatureDistance } from "../dist/src/evaluation/index.js";
import { meanInterval, spectrumFigures } from "../dist/src/metrics/index.js";
import { RunFolder } from "../dist/src/runs/index.js";
import * as tf from "../dist/src/tf/index.js";
import { loadModel } from "../dist/src/tokenizer/index.js";
import { Trainer } from "../dist/src/training/index.js";

const { values: flags } = parseArgs({
  options: {
    steps: { type: "string", default: "2000" },
    start: { type: "string", default: "1001" },
    seeds: { type: "string", default: "0,1,2" },
    preset: { type: "string", default: "tiny" },
    side: { type: "string", default: "64" },
    "batch-size": { type: "string", default: "16" },
    threads: { type: "string" },
    folder: { type: "string", default: "runs/adversarial-effect" },
    features: { type: "string" },
    perceptual: { type: "string" },
    picture: { type: "string" },
  },
});
const side = Number(flags.side);
const engine = flags.threads === undefined ? {} : { threads: Number(flags.threads) };
const changed =
  flags.perceptual === undefined
    ? { adversarial: { start: Number(flags.start), warmup: 50, discriminator: { width: 16, layers: 2 } } }
    : { perceptual: { network: { kind: "onnx", weights: flags.perceptual } } };

mkdirSync(flags.folder, { recursive: true });
await selectEngine(engine);
const differences = {};
for (const seed of flags.seeds.split(",").map(Number)) {
  const without = await measured([], { seed, name: "without" });
  const with_ = await measured(changed, { seed, name: "with" });
  for (const name of Object.keys(without.figures)) {
    differences[name] ??= [];
    differences[name].push(with_.figures[name] - without.figures[name]);
  }
  if (Object.values(differences)[0].length === 1 && flags.picture !== undefined) {
    await picture(["original", "without", "with"], seed);
  }
}
for (const [name, values] of Object.entries(differences)) {
  const mean = values.reduce((a, b) => a + b) / values.length;
  console.log(
    JSON.stringify({ difference: name, seeds: values.length, mean, interval: meanInterval(values) }),
  );
}

/** Trains a run, unless its folder has it finished, and measures it, unless that stands beside it. */
async function measured(objectives, { seed, name }) {
  const folder = path.join(flags.folder, `seed-${seed}-${name}`);
  const file = `${folder}.json`;
  if (!existsSync(file)) {
    await trained(objectives, { seed, folder });
    writeFileSync(file, `${JSON.stringify(await measure(folder, { seed, name }))}\n`);
  }
  const result = JSON.parse(readFileSync(file, "utf8"));
  console.log(
    JSON.stringify({ seed, run: name, ...result.figures, ...result.patches, seconds: result.seconds }),
  );
  return result;
}

async function trained(objectives, { seed, folder }) {
  if (existsSync(path.join(folder, "summary.json"))) return;
  const hasCheckpoint = existsSync(path.join(folder, "config.json"));
  const photos = fileURLToPath(new URL("../samples/photos", import.meta.url));
  const trainer = hasCheckpoint
    ? await Trainer.resume(folder)
    : await Trainer.create({
        model: { preset: flags.preset },
        quantizer: { kind: "fsq", codebookSize: 1024 },
        data: { images: photos, cropSize: [side, side], splitSeed: 0, evaluationCropsPerImage: 8 },
        loss: "l1",
        objectives,
        steps: Number(flags.steps),
        batchSize: Number(flags["batch-size"]),
        seed,
        ...engine,
        evaluateUntrained: false,
        out: folder,
      });
  try {
    for await (const { step } of trainer.run()) {
      if (step % 100 === 0) process.stderr.write(`${folder}: step ${step}\n`);
    }
  } finally {
    trainer.dispose();
  }
}

/** The figures of a finished run on its held-out crops; keeps the first crops as pictures. */
async function measure(folder, { seed, name }) {
  const run = await RunFolder.open(folder);
  const [{ data }, { figures: summary }] = [await run.readConfig(), await run.readSummary()];
  const dataset = await ImageDataset.open(data, data.splitSeed);
  const { model } = await loadModel(folder);
  const network =
    flags.features === undefined
      ? null
      : await FeatureDistance.open({ kind: "onnx", weights: flags.features });
  const pairs = [];
  let [distance, images] = [0, 0];
  for await (const batch of dataset.evaluationBatches({ batchSize: 16 })) {
    const made = tf.tidy(() => model.forward(pixelsToTensor(batch)).reconstruction);
    const reconstruction = await tensorToPixels(made);
    made.dispose();
    for (let i = 0; i < batch.count; i++)
      pairs.push([imageOfBatch(batch, i), imageOfBatch(reconstruction, i)]);
    if (network !== null) for (const each of await network.distances(batch, reconstruction)) distance += each;
    images += batch.count;
    if (images !== batch.count) continue;
    await strip(batch, `seed-${seed}-original`);
    await strip(reconstruction, `seed-${seed}-${name}`);
  }
  await network?.release();
  model.dispose();
  const { psnr, ssim, usage } = summary.final;
  // Sharpness is power of the upper half of the spectrum, reconstructions over originals.
  const figures = { psnr, ssim, ...spectrumFigures(pairs), usage };
  if (network !== null) figures.distance = distance / images;
  return { figures, patches: lastAccuracies(folder), seconds: Math.round(summary.training.seconds) };
}

/** The share of patches that the discriminator tells rightly, over the last tenth of the steps; nothing without one. */
function lastAccuracies(folder) {
  const lines = readFileSync(path.join(folder, "metrics.jsonl"), "utf8").trim().split("\n");
  const records = lines.slice(-Math.ceil(lines.length / 10)).map((line) => JSON.parse(line));
  const patches = {};
  for (const name of ["discriminatorRealAccuracy", "discriminatorReconstructedAccuracy"]) {
    const values = records.map((record) => record[name]).filter((value) => typeof value === "number");
    if (values.length > 0) patches[name] = values.reduce((a, b) => a + b) / values.length;
  }
  return patches;
}

/** Every second of the first 16 crops of a batch side by side, in the runs' folder. */
async function strip({ pixels, count }, name) {
  const columns = Math.min(8, Math.ceil(count / 2));
  const raw = Buffer.alloc(columns * side * side * 3);
  for (let image = 0; image < columns; image++) {
    for (let y = 0; y < side; y++) {
      const from = (2 * image * side + y) * side * 3;
      raw.set(pixels.subarray(from, from + side * 3), (y * columns + image) * side * 3);
    }
  }
  const info = { width: columns * side, height: side, channels: 3 };
  await sharp(raw, { raw: info })
    .png()
    .toFile(path.join(flags.folder, `${name}.png`));
}

/** The strips of a seed one below the other, twice as large, each with its name. */
async function picture(names, seed) {
  const style = { capHeight: 14, thickness: 1.7, colour: "#1f2328" };
  const [scale, label, head] = [2, { y: 19 }, 26];
  const layers = [];
  let width = 0;
  for (const [row, name] of names.entries()) {
    const file = path.join(flags.folder, `seed-${seed}-${name}.png`);
    const { width: own } = await sharp(file).metadata();
    width = own * scale;
    const size = { width, height: side * scale, kernel: "nearest" };
    const top = row * (head + side * scale);
    const text = lettering(name, { x: 2, y: label.y }, style);
    const heading = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${head}">${text}</svg>`;
    layers.push({ input: Buffer.from(heading), left: 0, top });
    layers.push({ input: await sharp(file).resize(size).png().toBuffer(), left: 0, top: top + head });
  }
  const create = { width, height: names.length * (head + side * scale), channels: 3, background: "white" };
  const whole = sharp(await sharp({ create }).composite(layers).png().toBuffer());
  await (flags.picture.endsWith(".webp")
    ? whole.webp({ quality: 90, smartSubsample: true })
    : whole.png()
  ).toFile(flags.picture);
}
