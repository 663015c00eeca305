import { fieldsOf, isObject, withoutUndefined } from "../core/objects.js";

/** Options of a run or of a part of it, not yet trusted. */
export type Given = Readonly<Record<string, unknown>>;

/** How a published tokenizer is trained, as options of a run. */
export interface PublishedSettings {
  /** Where the numbers stand. */
  readonly source: string;
  /** What is otherwise there, and has no options here. */
  readonly differs: string;
  /** Fields of a run. @param images that a step is made of */
  readonly run: (images: number) => Given;
  /** For plain VQ; another quantizer keeps its own options. */
  readonly quantizer: Given;
  /** By kind. Perceptual settings count beside a network that the run names. */
  readonly objectives: Readonly<Record<string, Given>>;
}

const constant = { schedule: "constant", warmupSteps: 0 } as const;

/** Recipes of published tokenizers, by name. */
export const publishedRecipes: Readonly<Record<"taming" | "llamagen" | "maskgit", PublishedSettings>> = {
  taming: {
    source:
      "CompVis/taming-transformers, configs/imagenet_vqgan.yaml and taming/modules/losses/vqperceptual.py",
    differs: "there β stands on the codebook loss (legacy), and the learning rate is 4.5e-6 an image",
    run: (images) => ({
      ...constant,
      learningRate: 4.5e-6 * images,
      loss: "l1",
      optimizer: { kind: "adam", beta1: 0.5, beta2: 0.9 },
      gradientClip: null,
    }),
    quantizer: { codebookSize: 1024, codebook: "free", initialization: "uniform", commitmentWeight: 0.25 },
    objectives: {
      perceptual: { weight: 1 },
      adversarial: { loss: "hinge", weight: 0.8, adaptive: true, start: 250_001, beta1: 0.5, beta2: 0.9 },
    },
  },
  llamagen: {
    source: "FoundationVision/LlamaGen, tokenizer/tokenizer_image/vq_train.py and vq_loss.py",
    differs: "there a step has 128 images, and the discriminator's loss too is times 0.5",
    run: () => ({
      ...constant,
      learningRate: 1e-4,
      loss: "l2",
      optimizer: { kind: "adam", beta1: 0.9, beta2: 0.95 },
      gradientClip: 1,
    }),
    quantizer: { codebookSize: 16_384, codeDim: 8, codebook: "sphere", commitmentWeight: 0.25 },
    objectives: {
      perceptual: { weight: 1 },
      adversarial: {
        loss: "hinge",
        weight: 0.5,
        adaptive: false,
        start: 20_000,
        beta1: 0.9,
        beta2: 0.95,
        gradientClip: 1,
      },
    },
  },
  maskgit: {
    source:
      "google-research's VQGAN configuration (MaskGIT, MAGVIT: vqgan.loss_type, vqvae.entropy_loss_ratio)",
    differs:
      "there the discriminator is StyleGAN's, the perceptual loss is of a ResNet's logits, R1 has no ½ (its 10 is 20 here), a step has 256 images",
    run: () => ({
      ...constant,
      learningRate: 1e-4,
      loss: "l2",
      optimizer: { kind: "adam", beta1: 0, beta2: 0.99 },
      gradientClip: null,
    }),
    quantizer: {
      codebookSize: 1024,
      codebook: "free",
      initialization: "uniform",
      commitmentWeight: 0.25,
      entropyWeight: 0.1,
      entropyTemperature: 0.01,
    },
    objectives: {
      perceptual: { weight: 0.1 },
      adversarial: {
        loss: "logistic",
        weight: 0.1,
        adaptive: false,
        beta1: 0,
        beta2: 0.99,
        r1Weight: 20,
        discriminator: { norm: "none" },
      },
    },
  },
};

/**
 * A run's options with those of a published recipe where they say nothing. A list of objectives is complete; options by
 * kind are completed, and null leaves a kind out.
 *
 * @param images that a step is made of
 */
export function withPublished(
  options: Given,
  { run, quantizer, objectives }: PublishedSettings,
  images: number,
): Given {
  const settings = run(images);
  const own = quantizerOf(options.quantizer);
  return {
    ...settings,
    ...withoutUndefined(options),
    optimizer: { ...fieldsOf(settings.optimizer), ...fieldsOf(options.optimizer) },
    quantizer: isPlainVq(own) ? completedVq(quantizer, own) : options.quantizer,
    objectives: Array.isArray(options.objectives)
      ? options.objectives
      : completedObjectives(objectives, fieldsOf(options.objectives)),
  };
}

function quantizerOf(given: unknown): unknown {
  return given === undefined ? {} : typeof given === "string" ? { kind: given } : given;
}

function isPlainVq(given: unknown): given is Given {
  return isObject(given) && (given.kind ?? "vq") === "vq";
}

/** Options that go with the recipe's codebook are left out beside another. */
function completedVq(settings: Given, own: Given): Given {
  const isOther = own.codebook !== undefined && own.codebook !== settings.codebook;
  if (!isOther) return { kind: "vq", ...settings, ...own };
  const { codebookSize, commitmentWeight } = settings;
  return { kind: "vq", codebookSize, commitmentWeight, ...own };
}

function completedObjectives(settings: PublishedSettings["objectives"], own: Given): Given {
  const kinds = new Set([...Object.keys(settings), ...Object.keys(own)]);
  const entries = [...kinds].flatMap((kind): [string, unknown][] => {
    const given = own[kind];
    if (given === null) return [[kind, null]];
    if (given !== undefined && !isObject(given)) return [[kind, given]];
    // A perceptual loss needs files that only the run can name.
    if (kind === "perceptual" && given?.network === undefined) return [];
    const named = fieldsOf(settings[kind]);
    const nested = { ...fieldsOf(named.discriminator), ...fieldsOf(given?.discriminator) };
    const merged = { ...named, ...given };
    return [[kind, Object.keys(nested).length === 0 ? merged : { ...merged, discriminator: nested }]];
  });
  return Object.fromEntries(entries);
}
