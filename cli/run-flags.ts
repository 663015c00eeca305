import { integer, integers, number, size, words } from "./values.js";

/** A flag, and the field of a configuration that its value goes to. */
export interface FlagField {
  readonly flag: string;
  /** e.g. `quantizer.levels` */
  readonly field: string;
}

/** Confirms a size that enlarges images more than twice, or that memory does not suffice for. */
export const OVERSIZE_FLAG = "--allow-oversize";

/** What help says of it. */
export const OVERSIZE_HELP =
  "train or compute at a size that enlarges the images more than twice, or needs more memory than there is";

/** A flag that stands for one field of a run's configuration. */
export interface RunFlag extends FlagField {
  readonly description: string;
  /** What the configuration says when nobody does; shown in the help, checked by a test. */
  readonly default?: string | number | readonly number[];
  readonly parse?: (text: string) => unknown;
}

/** Flags of every command that trains. Ranges are checked by the configuration itself. */
export const TRAINING_FLAGS: readonly RunFlag[] = [
  {
    flag: "--recipe <name>",
    field: "recipe",
    description:
      "named settings for what is not said: recommended, or paper for each quantizer as in its paper (default: recommended)",
  },
  {
    flag: "--preset <name>",
    field: "model.preset",
    description:
      "autoencoder: tiny, small or base; vqgan, vqgan-f8 or vqgan-small with attention and full-size stages",
    default: "small",
  },
  {
    flag: "--downsampling-factor <n>",
    field: "model.downsamplingFactor",
    description: "image side / latent grid side: 2, 4, 8, 16 or 32 (default: the preset's)",
    parse: integer,
  },
  {
    flag: "--loss <name>",
    field: "loss",
    description:
      "reconstruction loss: l1, l2, huber, ssim or one that a module registers; weighted sums in a config file",
    default: "l2",
  },
  {
    flag: "--steps <n>",
    field: "steps",
    description: "training steps, one batch each",
    default: 1000,
    parse: integer,
  },
  {
    flag: "--batch-size <n>",
    field: "batchSize",
    description: "crops in a batch",
    default: 16,
    parse: integer,
  },
  {
    flag: "--learning-rate <x>",
    field: "learningRate",
    description: "peak learning rate",
    default: 4e-4,
    parse: number,
  },
  {
    flag: "--crop-size <size>",
    field: "data.cropSize",
    description: "pixels of a training crop, as 64 or HEIGHTxWIDTH",
    default: [64, 64],
    parse: size,
  },
  {
    flag: "--resize <n>",
    field: "data.resize",
    description: "shorter side in pixels that images are resized to first (default: as they are)",
    parse: integer,
  },
  {
    flag: "--held-out <x>",
    field: "data.heldOut",
    description: "fraction of the files kept back for evaluation; 0 evaluates on the training files",
    default: 0.2,
    parse: number,
  },
  {
    flag: "--checkpoint-every <n>",
    field: "checkpointEvery",
    description: "steps between two checkpoints",
    default: 250,
    parse: integer,
  },
  {
    flag: "--on-nan <policy>",
    field: "onNan",
    description:
      "for a loss or gradient that is not finite: stop, skip the step, or rollback to the last checkpoint",
    default: "stop",
  },
];

/** Flags of `train` alone: the model to start from. */
export const SOURCE_FLAGS: readonly RunFlag[] = [
  {
    flag: "--from <model>",
    field: "from.model",
    description:
      "start from the weights of this run or model file, with its autoencoder and quantizer unless others are given",
  },
  {
    flag: "--from-codebook <choice>",
    field: "from.codebook",
    description: "codebook of that model: keep, frozen (it stays as it is) or fresh (begins anew)",
    default: "keep",
  },
  {
    flag: "--freeze <parts>",
    field: "freeze",
    description:
      "parts of that model that stay as they are, as encoder,codebook: encoder, codebook, decoder (default: none)",
    parse: words,
  },
];

/** Flags of `train --resume` alone. */
export const RESUME_FLAGS: readonly RunFlag[] = [
  {
    flag: "--checkpoint <which>",
    field: "checkpoint",
    description:
      "with --resume: newest, or best to go back to the highest PSNR of its evaluations (default: newest)",
  },
];

/** Flags of `train` alone: the quantizer. */
export const QUANTIZER_FLAGS: readonly RunFlag[] = [
  {
    flag: "--quantizer <kind>",
    field: "quantizer.kind",
    description: "see `vqkit quantizers`",
    default: "vq",
  },
  {
    flag: "--codebook-size <n>",
    field: "quantizer.codebookSize",
    description: "codes in the codebook; fsq takes the nearest size that its rule allows",
    default: 1024,
    parse: integer,
  },
  {
    flag: "--code-dim <n>",
    field: "quantizer.codeDim",
    description: "numbers in a code (default: 64, fsq: one per level)",
    parse: integer,
  },
  {
    flag: "--levels <list>",
    field: "quantizer.levels",
    description: "fsq: values of each latent dimension, as 8,5,5,5",
    parse: integers,
  },
  {
    flag: "--seed <n>",
    field: "seed",
    description: "names every random choice: same seed, same run",
    default: 0,
    parse: integer,
  },
];
