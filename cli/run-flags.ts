import { networkSpec } from "./network-spec.js";
import { integer, integers, number, numbersByName, size, words } from "./values.js";

/** A flag, and the field of a configuration that its value goes to. */
export interface FlagField {
  readonly flag: string;
  /** e.g. `quantizer.levels` */
  readonly field: string;
  /** What a flag without an argument sets; true unless said. */
  readonly value?: unknown;
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
      "named settings for what is not said: recommended; paper, each quantizer as in its paper; taming, llamagen or maskgit, as these are trained (default: recommended)",
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
    flag: "--accumulate <n>",
    field: "accumulate",
    description: "batches whose gradients make one step: a step has so many times --batch-size crops",
    default: 1,
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
    flag: "--evaluate-every <n>",
    field: "evaluateEvery",
    description: "steps between two evaluations on the held-out images (default: at the end alone)",
    parse: integer,
  },
  {
    flag: "--stop-after <n>",
    field: "stopAfter",
    description: "end after so many evaluations in a row without a better figure (default: off)",
    parse: integer,
  },
  {
    flag: "--monitor <figure>",
    field: "monitor",
    description:
      "the figure for --stop-after: psnr, ssim, reconstructionLoss, quantizationError, usage or perplexity",
    default: "psnr",
  },
  {
    flag: "--part-learning-rates <list>",
    field: "partLearningRates",
    description: "peak learning rates of single parts, as encoder=1e-5,codebook=1e-3 (default: all the same)",
    parse: numbersByName,
  },
  {
    flag: "--on-nan <policy>",
    field: "onNan",
    description:
      "for a loss or gradient that is not finite: stop, skip the step, or rollback to the last checkpoint",
    default: "stop",
  },
];

/** Flags of every command that trains: losses with networks of their own. Each of them turns its loss on. */
export const LOSS_FLAGS: readonly RunFlag[] = [
  {
    flag: "--perceptual <files>",
    field: "objectives.perceptual.network",
    description:
      "LPIPS by weights as vgg=FILE,heads=FILE (or alex=, squeeze=), or the features of an ONNX file as onnx=FILE (default: off)",
    parse: networkSpec,
  },
  {
    flag: "--perceptual-weight <x>",
    field: "objectives.perceptual.weight",
    description: "weight of the perceptual loss (default: 1)",
    parse: number,
  },
  {
    flag: "--adversarial <loss>",
    field: "objectives.adversarial.loss",
    description: "train against a PatchGAN discriminator, by hinge, logistic or least-squares (default: off)",
  },
  {
    flag: "--adversarial-start <n>",
    field: "objectives.adversarial.start",
    description: "first step at which the model has the adversarial loss (default: 1)",
    parse: integer,
  },
  {
    flag: "--adversarial-warmup <n>",
    field: "objectives.adversarial.warmup",
    description: "steps before it in which the discriminator learns alone (default: 0)",
    parse: integer,
  },
  {
    flag: "--adversarial-weight <x>",
    field: "objectives.adversarial.weight",
    description: "weight of the adversarial loss; beside an adaptive weight, its factor (default: 0.8)",
    parse: number,
  },
  {
    flag: "--fixed-weight",
    field: "objectives.adversarial.adaptive",
    description:
      "no adaptive weight: by default the weight follows the gradients at the decoder's last layer",
    value: false,
  },
  {
    flag: "--disc-norm <name>",
    field: "objectives.adversarial.discriminator.norm",
    description: "discriminator: batch, none or spectral (default: batch)",
  },
  {
    flag: "--disc-layers <n>",
    field: "objectives.adversarial.discriminator.layers",
    description: "discriminator: convolutions that halve the sides (default: 3)",
    parse: integer,
  },
  {
    flag: "--disc-width <n>",
    field: "objectives.adversarial.discriminator.width",
    description: "discriminator: channels of its first convolution (default: 64)",
    parse: integer,
  },
  {
    flag: "--disc-learning-rate <x>",
    field: "objectives.adversarial.learningRate",
    description: "peak learning rate of the discriminator (default: the model's)",
    parse: number,
  },
  {
    flag: "--r1 <x>",
    field: "objectives.adversarial.r1Weight",
    description: "weight γ of the R1 gradient penalty; 0 is off (default: 0)",
    parse: number,
  },
  {
    flag: "--lecam <x>",
    field: "objectives.adversarial.lecamWeight",
    description: "weight of LeCam's regularisation; 0 is off (default: 0)",
    parse: number,
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
