// Trains 20 steps on the sample photographs and prints the losses of each as JSON. Needs `npm run build`.
// usage: node tensorflow-training.mjs ENGINE KIND
import { fileURLToPath } from "node:url";
import { Trainer } from "../../dist/src/training/index.js";

const [engine, kind] = process.argv.slice(2);
const codebook = kind === "fsq" ? { levels: [8, 5, 5, 5] } : { codebookSize: 256, codeDim: 16 };
const trainer = await Trainer.create({
  model: { preset: "small", baseWidth: 16, latentChannels: 16 },
  quantizer: { kind, ...codebook },
  recipe: "paper",
  data: {
    images: fileURLToPath(new URL("../../samples/photos", import.meta.url)),
    cropSize: [32, 48],
    evaluationCropsPerImage: 1,
  },
  engine,
  threads: 2,
  seed: 7,
  steps: 20,
  batchSize: 4,
  // Large and at once, so that the weights of step 20 are far from the first ones.
  learningRate: 1e-3,
  warmupSteps: 0,
  evaluateUntrained: false,
});
const steps = [];
try {
  for await (const metrics of trainer.run()) {
    const losses = Object.entries(metrics).filter(([name]) => name.endsWith("Loss"));
    steps.push(Object.fromEntries(losses));
  }
} finally {
  trainer.dispose();
}
console.log(JSON.stringify({ engine: trainer.engine.name, steps }));
