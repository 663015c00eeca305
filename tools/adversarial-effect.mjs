// What an adversarial or a perceptual loss changes: runs of the same seeds with and without it, measured on the held-out
// photographs. Prints a line for each run, then the mean difference of each figure with its 95 % interval over seeds.
// Runs stand in a folder: the same command resumes there where an earlier one was interrupted, and prints what is done.
//
// usage: npm run build && node tools/adversarial-effect.mjs [--steps 2000] [--start 1001] [--weight 0.8] [--seeds 0,1,2] [--preset tiny]
//        [--side 64] [--evaluation-side 96] [--evaluation-crops 8] [--batch-size 16] [--threads N] [--folder runs/adversarial-effect]
//        [--features FILE.onnx]      a perceptual distance by a network that no run is trained against
//        [--perceptual FILE.onnx]    runs with this perceptual loss instead of an adversarial one
//        [--picture OUT.webp]        a square of a photograph, as it is, without and with, of the first seed; written as soon
//                                    as that is done [--photo astronaut.jpg] [--square TOP,LEFT,SIDE]
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { selectEngine } from "../dist/src/backend/index.js";
import { ImageDataset } from "../dist/src/data/index.js";
import { lettering } from "../dist/src/data/lettering.js";
import { evaluateModel, FeatureDistance } from "../dist/src/evaluation/index.js";
import { meanInterval, spectrumFigures } from "../dist/src/metrics/index.js";
import { RunFolder } from "../dist/src/runs/index.js";
import { loadModel, Tokenizer } from "../dist/src/tokenizer/index.js";
import { Trainer } from "../dist/src/training/index.js";

const { values: flags } = parseArgs({
  options: {
    steps: { type: "string", default: "2000" },
    start: { type: "string", default: "1001" },
    weight: { type: "string", default: "0.8" },
    seeds: { type: "string", default: "0,1,2" },
    preset: { type: "string", default: "tiny" },
    side: { type: "string", default: "64" },
    "evaluation-side": { type: "string", default: "96" },
    "evaluation-crops": { type: "string", default: "8" },
    photo: { type: "string", default: "astronaut.jpg" },
    square: { type: "string", default: "0,32,192" },
    "batch-size": { type: "string", default: "16" },
    threads: { type: "string" },
    folder: { type: "string", default: "runs/adversarial-effect" },
    features: { type: "string" },
    perceptual: { type: "string" },
    picture: { type: "string" },
  },
});
const [side, shown] = [Number(flags.side), Number(flags["evaluation-side"])];
const engine = flags.threads === undefined ? {} : { threads: Number(flags.threads) };
const objective = { start: Number(flags.start), weight: Number(flags.weight) };
const changed =
  flags.perceptual === undefined
    ? { adversarial: { ...objective, warmup: 50, discriminator: { width: 16, layers: 2 } } }
    : { perceptual: { network: { kind: "onnx", weights: flags.perceptual } } };

mkdirSync(flags.folder, { recursive: true });
checkSettings();
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

/** Runs of other settings must not stand in one folder: what is there is not measured again. */
function checkSettings() {
  const { seeds, picture, photo, square, threads, folder, ...settings } = flags;
  const [file, text] = [path.join(folder, "settings.json"), `${JSON.stringify(settings)}\n`];
  if (!existsSync(file)) writeFileSync(file, text);
  const found = readFileSync(file, "utf8");
  if (found !== text) throw new Error(`${folder}: expected runs of ${text.trim()}, got ${found.trim()}.`);
}

/** Trains a run, unless its folder has it finished, and measures it, unless that stands beside it. */
async function measured(objectives, { seed, name }) {
  const folder = path.join(flags.folder, `seed-${seed}-${name}`);
  const file = `${folder}.json`;
  if (!existsSync(file)) {
    await trained(objectives, { seed, folder });
    writeFileSync(file, `${JSON.stringify(await measure(folder))}\n`);
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

/** The figures of a finished run on held-out crops, which may be larger than those of training. */
async function measure(folder) {
  const run = await RunFolder.open(folder);
  const [{ data }, summary] = [await run.readConfig(), await run.readSummary()];
  const cut = { cropSize: [shown, shown], evaluationCropsPerImage: Number(flags["evaluation-crops"]) };
  const dataset = await ImageDataset.open({ ...data, ...cut }, data.splitSeed);
  const { model } = await loadModel(folder);
  const lpips =
    flags.features === undefined
      ? undefined
      : await FeatureDistance.open({ kind: "onnx", weights: flags.features });
  const options = { loss: { l1: 1 }, networks: { lpips }, examples: Number.MAX_SAFE_INTEGER };
  const { figures, examples } = await evaluateModel(
    model,
    dataset.evaluationBatches({ batchSize: 4 }),
    options,
  );
  await lpips?.release();
  model.dispose();
  const { psnr, ssim, usage, images, lpips: distance } = figures;
  // Sharpness is power of the upper half of the spectrum, reconstructions over originals.
  const spectrum = spectrumFigures(examples.originals.map((each, i) => [each, examples.reconstructions[i]]));
  const seconds = Math.round(summary.figures.training.seconds);
  const all = { psnr, ssim, ...spectrum, usage, ...(distance === null ? {} : { distance }) };
  return { figures: all, images, patches: lastAccuracies(folder), seconds };
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

/** A photograph that was kept out of training, and what the runs of a seed make of it, side by side at twice its size. */
async function picture(names, seed) {
  const style = { capHeight: 14, thickness: 1.7, colour: "#1f2328" };
  const [scale, head, gap] = [2, 28, 12];
  const photo = fileURLToPath(new URL(`../samples/photos/${flags.photo}`, import.meta.url));
  const [top, left, side] = flags.square.split(",").map(Number);
  const square = { top, left, width: side, height: side };
  const size = { width: side * scale, height: side * scale, kernel: "nearest" };
  const layers = [];
  for (const [column, name] of names.entries()) {
    const image = name === "original" ? sharp(photo) : await through(`seed-${seed}-${name}`, photo);
    const at = column * (size.width + gap);
    const text = lettering(name, { x: 0, y: 19 }, style);
    const heading = `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${head}">${text}</svg>`;
    layers.push({ input: Buffer.from(heading), left: at, top: 0 });
    const cut = await image.removeAlpha().extract(square).png().toBuffer();
    layers.push({ input: await sharp(cut).resize(size).png().toBuffer(), left: at, top: head });
  }
  const width = names.length * (size.width + gap) - gap;
  const create = { width, height: head + size.height, channels: 3, background: "white" };
  const whole = sharp(await sharp({ create }).composite(layers).png().toBuffer());
  await (flags.picture.endsWith(".webp") ? whole.webp({ quality: 88 }) : whole.png()).toFile(flags.picture);
}

/** The photograph through the model of a run. */
async function through(run, photo) {
  const tokenizer = await Tokenizer.load(path.join(flags.folder, run));
  try {
    return (await tokenizer.decode(await tokenizer.encode(photo))).toSharp();
  } finally {
    await tokenizer.close();
  }
}
