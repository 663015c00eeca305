// Writes the golden files of this version: `npm run build && node tests/golden/write.mjs`. Once a version is released its
// folder is never written again: tests/golden/README.md.
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const root = resolve(import.meta.dirname, "../..");
const built = resolve(process.argv[2] ?? join(root, "dist"));
const load = (file) => import(pathToFileURL(join(built, "src", file)).href);
const { RunFolder, selectEngine, Tokenizer, Trainer, writeCodes } = await load("index.js");
const { readCodeTimeline } = await load("runs/index.js");

const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8"));
const target = join(import.meta.dirname, version);
if (existsSync(target)) throw new Error(`${target} is there; released golden files are never written again.`);

const work = await mkdtemp(join(tmpdir(), "vqkit-golden-"));
process.chdir(work); // so that the run's configuration has short relative paths
await mkdir("images");
for (const name of ["chelsea", "coffee", "rocket"]) {
  const photo = join(root, "samples/photos", `${name}.jpg`);
  if (!existsSync(photo)) throw new Error(`${photo}: expected a sample photograph.`);
  await cp(photo, join("images", `${name}.jpg`));
}

await selectEngine();
const trainer = await Trainer.create({
  quantizer: { kind: "vq", codebookSize: 24, codeDim: 3 },
  recipe: "paper",
  data: { images: "images", resize: 24, cropSize: [16, 24], heldOut: 0 },
  model: { preset: "tiny", baseWidth: 4, latentChannels: 4, downsamplingFactor: 4 },
  steps: 5,
  batchSize: 2,
  seed: 7,
  threads: 1,
  out: "run",
});
for await (const _ of trainer.run());
trainer.dispose();
const run = await RunFolder.open("run");

const tokenizer = await Tokenizer.load("run");
const images = [];
for await (const codes of tokenizer.encodeAll("images", { policy: "resize", size: [16, 24] }))
  images.push(codes);
for (const format of ["npy", "jsonl", "parquet", "tar", "packed", "bin"]) {
  await writeCodes(join("codes", format), images, { format });
}

const names = [
  "config.json",
  "metrics.jsonl",
  "model.safetensors",
  "usage.json",
  "summary.json",
  "timeline.vqt",
  "checkpoints",
];
for (const name of names) await cp(join("run", name), join(target, "run", name), { recursive: true });
await cp("codes", join(target, "codes"), { recursive: true });
const usage = await run.readUsage();
const model = await run.readModel();
const expected = {
  fingerprint: tokenizer.fingerprint,
  steps: 5,
  samples: usage.counts.samples,
  used: usage.counts.used(),
  timeline: (await readCodeTimeline(run)).records.map(({ step, samples, codebooks, drift }) => ({
    step,
    samples,
    indices: [...codebooks[0].indices],
    counts: [...codebooks[0].counts],
    drift: drift.overall,
  })),
  weights: Object.fromEntries(
    [...model.weights].map(([name, { shape, data }]) => [name, { shape, first: data[0] }]),
  ),
  codes: images.flatMap(({ images: each, shape, indices }) =>
    each.map((image, i) => {
      const length = shape[1] * shape[2] * shape[3];
      return {
        ...image,
        shape: shape.slice(1),
        indices: [...indices.subarray(i * length, (i + 1) * length)],
      };
    }),
  ),
};
await writeFile(join(target, "expected.json"), `${JSON.stringify(expected)}\n`);
tokenizer.dispose();
await rm(work, { recursive: true, force: true });
console.log(`Written: ${target}`);
