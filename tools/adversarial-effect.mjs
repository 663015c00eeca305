// What an adversarial or a perceptual loss changes: runs of the same seeds with and without it, measured on the held-out
// photographs. Prints a line for each run, then the mean difference of each figure with its 95 % interval over seeds.
//
// usage: npm run build && node tools/adversarial-effect.mjs [--steps 400] [--start 201] [--seeds 0,1,2] [--preset tiny]
//        [--features FILE.onnx]      a perceptual distance by a network that no run is trained against
//        [--perceptual FILE.onnx]    runs with this perceptual loss instead of an adversarial one
//        [--picture OUT.png]         originals, without and with, of the first seed
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { pixelsToTensor, tensorToPixels } from "../dist/src/autoencoder/index.js";
import { FeatureDistance } from "../dist/src/evaluation/index.js";
import { meanInterval } from "../dist/src/metrics/index.js";
import * as tf from "../dist/src/tf/index.js";
import { Trainer } from "../dist/src/training/index.js";

const { values: flags } = parseArgs({
  options: {
    steps: { type: "string", default: "400" },
    start: { type: "string", default: "201" },
    seeds: { type: "string", default: "0,1,2" },
    preset: { type: "string", default: "tiny" },
    side: { type: "string", default: "64" },
    features: { type: "string" },
    perceptual: { type: "string" },
    picture: { type: "string" },
  },
});
const side = Number(flags.side);

/** Sides of the blocks whose spectrum is taken. */
const BLOCK = 16;
const window = Array.from({ length: BLOCK }, (_, i) => Math.sin((Math.PI * (i + 0.5)) / BLOCK) ** 2);

/** Power of the upper half of the spectrum (a quarter of a cycle a pixel and more along some axis), brightness alone. */
function upperPower({ pixels, count, height, width }) {
  let power = 0;
  for (let image = 0; image < count; image++) {
    for (let top = 0; top + BLOCK <= height; top += BLOCK) {
      for (let left = 0; left + BLOCK <= width; left += BLOCK) {
        power += blockPower((y, x) => {
          const at = 3 * ((image * height + top + y) * width + left + x);
          return 0.299 * pixels[at] + 0.587 * pixels[at + 1] + 0.114 * pixels[at + 2];
        });
      }
    }
  }
  return power;
}

function blockPower(brightness) {
  const values = Array.from({ length: BLOCK }, (_, y) =>
    Array.from({ length: BLOCK }, (_, x) => brightness(y, x)),
  );
  const mean = values.flat().reduce((a, b) => a + b) / BLOCK ** 2;
  const rows = values.map((row, y) =>
    transformed(row.map((value, x) => (value - mean) * window[x] * window[y])),
  );
  let power = 0;
  for (let u = 0; u < BLOCK; u++) {
    const re = transformed(rows.map((row) => row[u][0]));
    const im = transformed(rows.map((row) => row[u][1]));
    for (let v = 0; v < BLOCK; v++) {
      if (Math.max(Math.min(u, BLOCK - u), Math.min(v, BLOCK - v)) < BLOCK / 4) continue;
      power += (re[v][0] - im[v][1]) ** 2 + (re[v][1] + im[v][0]) ** 2;
    }
  }
  return power;
}

/** The discrete Fourier transform of real numbers, as pairs. */
function transformed(row) {
  return row.map((_, k) => {
    let [re, im] = [0, 0];
    for (const [i, value] of row.entries()) {
      const angle = (-2 * Math.PI * k * i) / BLOCK;
      re += value * Math.cos(angle);
      im += value * Math.sin(angle);
    }
    return [re, im];
  });
}

async function measured(objectives, seed) {
  const photos = fileURLToPath(new URL("../samples/photos", import.meta.url));
  const trainer = await Trainer.create({
    model: { preset: flags.preset },
    quantizer: { kind: "fsq", codebookSize: 1024 },
    data: { images: photos, cropSize: [side, side], splitSeed: 0, evaluationCropsPerImage: 8 },
    loss: "l1",
    objectives,
    steps: Number(flags.steps),
    seed,
    evaluateUntrained: false,
  });
  let seconds = 0;
  for await (const { elapsedSeconds } of trainer.run()) seconds = elapsedSeconds;
  const network =
    flags.features === undefined
      ? null
      : await FeatureDistance.open({ kind: "onnx", weights: flags.features });
  let [original, reconstructed, distance, images] = [0, 0, 0, 0];
  const shown = [];
  for await (const batch of trainer.dataset.evaluationBatches({ batchSize: 16 })) {
    const made = tf.tidy(() => trainer.model.forward(pixelsToTensor(batch)).reconstruction);
    const pixels = await tensorToPixels(made);
    made.dispose();
    const reconstruction = { ...batch, pixels: pixels.pixels ?? pixels };
    original += upperPower(batch);
    reconstructed += upperPower(reconstruction);
    if (network !== null) for (const each of await network.distances(batch, reconstruction)) distance += each;
    images += batch.count;
    if (shown.length === 0) shown.push(batch, reconstruction);
  }
  await network?.release();
  const { psnr, ssim } = trainer.result.evaluation.figures;
  trainer.dispose();
  const figures = { psnr, ssim, sharpness: reconstructed / original };
  if (network !== null) figures.distance = distance / images;
  return { figures, seconds, shown };
}

const changed =
  flags.perceptual === undefined
    ? { adversarial: { start: Number(flags.start), warmup: 50, discriminator: { width: 16, layers: 2 } } }
    : { perceptual: { network: { kind: "onnx", weights: flags.perceptual } } };
const differences = {};
const rows = [];
for (const seed of flags.seeds.split(",").map(Number)) {
  const [without, with_] = [await measured([], seed), await measured(changed, seed)];
  for (const [name, { figures, seconds }] of Object.entries({ without, with: with_ })) {
    console.log(JSON.stringify({ seed, run: name, ...figures, seconds }));
  }
  for (const name of Object.keys(without.figures)) {
    differences[name] ??= [];
    differences[name].push(with_.figures[name] - without.figures[name]);
  }
  if (rows.length === 0) rows.push(without.shown[0], without.shown[1], with_.shown[1]);
}
for (const [name, values] of Object.entries(differences)) {
  const mean = values.reduce((a, b) => a + b) / values.length;
  console.log(JSON.stringify({ difference: name, mean, interval: meanInterval(values) }));
}
if (flags.picture !== undefined) await picture(rows, flags.picture);

/** Rows of the same crops, enlarged three times. */
async function picture(batches, file) {
  const columns = Math.min(8, batches[0].count);
  const raw = Buffer.alloc(batches.length * side * columns * side * 3);
  for (const [row, { pixels }] of batches.entries()) {
    for (let image = 0; image < columns; image++) {
      for (let y = 0; y < side; y++) {
        const from = (image * side + y) * side * 3;
        const to = ((row * side + y) * columns + image) * side * 3;
        raw.set(pixels.subarray(from, from + side * 3), to);
      }
    }
  }
  const info = { width: columns * side, height: batches.length * side, channels: 3 };
  await sharp(raw, { raw: info })
    .resize(info.width * 2, info.height * 2, { kernel: "nearest" })
    .png()
    .toFile(file);
}
