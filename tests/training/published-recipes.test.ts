import { beforeAll, describe, expect, it } from "vitest";
import { type RunOptions, resolveRun, Trainer } from "../../src/training/index.js";
import { useEngine } from "../engine.js";
import { tinyFolders, tinyRun } from "./tiny-runs.js";

const { images } = await tinyFolders();

beforeAll(useEngine);

const resolved = (recipe: string, options: Partial<RunOptions> = {}) =>
  resolveRun({ data: "photos", recipe, ...options });
const network = { kind: "vgg", weights: "vgg16.pth", heads: "heads.pth" };

// The numbers stand in the files that docs/training.md names for each.
describe("recipes of published tokenizers", () => {
  it("taming: L1, hinge with an adaptive weight from step 250,001, a learning rate by the images of a step", () => {
    const config = resolved("taming", {
      batchSize: 4,
      accumulate: 3,
      objectives: { perceptual: { network } },
    });
    expect(config).toMatchObject({
      recipe: "taming",
      schedule: "constant",
      warmupSteps: 0,
      gradientClip: null,
      optimizer: { kind: "adam", beta1: 0.5, beta2: 0.9 },
      quantizer: { kind: "vq", codebook: "free", codebookSize: 1024, commitmentWeight: 0.25 },
    });
    expect(config.loss.l1).toBe(1);
    expect(config.learningRate).toBeCloseTo(12 * 4.5e-6, 12);
    expect(config.objectives).toMatchObject([
      { kind: "perceptual", weight: 1, network },
      { kind: "adversarial", loss: "hinge", weight: 0.8, adaptive: true, start: 250_001, beta1: 0.5 },
    ]);
  });

  it("llamagen: a unit sphere of 16,384 codes of 8 numbers, whatever the preset's, and a fixed weight", () => {
    const config = resolved("llamagen", { model: { preset: "vqgan" } });
    expect(config.quantizer).toMatchObject({ codebook: "sphere", codebookSize: 16_384, codeDim: 8 });
    expect(config).toMatchObject({
      learningRate: 1e-4,
      gradientClip: 1,
      optimizer: { beta1: 0.9, beta2: 0.95 },
    });
    // No files are named: no perceptual loss.
    expect(config.objectives).toMatchObject([
      { kind: "adversarial", weight: 0.5, adaptive: false, start: 20_000, gradientClip: 1 },
    ]);
  });

  it("maskgit: logistic with R1, an entropy loss of the codes", () => {
    const config = resolved("maskgit");
    expect(config.quantizer).toMatchObject({
      entropyWeight: 0.1,
      entropyTemperature: 0.01,
      codebookSize: 1024,
    });
    expect(config.objectives).toMatchObject([
      {
        loss: "logistic",
        weight: 0.1,
        adaptive: false,
        beta1: 0,
        r1Weight: 20,
        discriminator: { norm: "none" },
      },
    ]);
  });

  it.each(["taming", "llamagen", "maskgit"])(
    "%s: what is said wins, and what is saved resolves to itself",
    (recipe) => {
      const options = {
        learningRate: 0.5,
        optimizer: { beta2: 0.5 },
        quantizer: { kind: "vq", codebook: "ema", codebookSize: 9 },
        objectives: { adversarial: { start: 7, discriminator: { layers: 2 } } },
      } as const;
      const config = resolved(recipe, options);
      expect(config).toMatchObject({ learningRate: 0.5, optimizer: { beta2: 0.5 } });
      expect(config.quantizer).toMatchObject({ codebook: "ema", codebookSize: 9 });
      expect(config.objectives).toMatchObject([{ start: 7, discriminator: { layers: 2 } }]);
      expect(config.objectives[0]?.loss).toBe(recipe === "maskgit" ? "logistic" : "hinge");
      expect(resolveRun(config)).toEqual(config);
      expect(resolved(recipe, { objectives: { adversarial: null } }).objectives).toEqual([]);
      expect(resolved(recipe, { objectives: [] }).objectives).toEqual([]);
      // Another quantizer keeps its own options.
      expect(resolved(recipe, { quantizer: "fsq" }).quantizer.kind).toBe("fsq");
    },
  );

  it("say what they are, what they lack, and what never begins", async () => {
    const objectives = { adversarial: { discriminator: { width: 4, layers: 2 } } };
    const options = tinyRun(images, {
      recipe: "llamagen",
      objectives,
      quantizer: { kind: "vq", codebookSize: 16 },
    });
    const trainer = await Trainer.create(options);
    const { recipe, warnings } = trainer.describe();
    trainer.dispose();
    expect(recipe?.name).toBe("llamagen");
    expect(recipe?.effect).toMatch(/LlamaGen.*without its perceptual loss/);
    expect(warnings.join()).toMatch(/"adversarial" begins at step 20000 of a run of 6 steps: never/);
  });
});
