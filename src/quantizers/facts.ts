/**
 * What a step of training does to the codes. `never`: there is nothing to learn. `chosen`: those that were chosen move
 * by gradient. `averages`: those that were chosen move to the mean of their latents. `all`: every one moves.
 */
export type CodeLearning = "never" | "chosen" | "averages" | "all";

/** One loss of a quantizer: what it is, and which part of the model it moves. */
export interface QuantizerLoss {
  /** As in `losses` and `lossWeights` of the quantizer. */
  readonly name: string;
  /** The paper's name for its weight, e.g. "β". */
  readonly symbol?: string;
  /** 0: computed and recorded, but not minimised. */
  readonly weight: number;
  readonly formula: string;
  readonly moves: string;
  readonly leaves: string;
}

/** What a configuration says of its quantizer: plain data, for pages, the doctor and readers of model files. */
export interface QuantizerFacts {
  /** K. */
  readonly codebookSize: number;
  /** Q, the codes of a position; absent where it is 1. */
  readonly numCodebooks?: number;
  /** Where the codes of a picture are a sequence of square grids: their sides, the last one the latent grid's. */
  readonly scales?: readonly number[];
  /** Whether layers of its own learn by gradient beside the codes. */
  readonly hasLayers?: boolean;
  /** How many numbers its variables hold: a file of such a model has no fewer. */
  readonly numbers: number;
  /** One sentence or two: how the codebook is held and learns. */
  readonly codebook: string;
  /** One sentence: how the gradient of the reconstruction passes. */
  readonly gradient: string;
  readonly losses: readonly QuantizerLoss[];
  readonly learning: CodeLearning;
  /** Whether the reconstruction loss moves the codes too. */
  readonly learnsFromReconstruction: boolean;
  /** Whether a latent's length has a part in which code is chosen, so that latents and codes should be equally long. */
  readonly comparesLengths: boolean;
  /** Where the codes are all points of a grid: how many values each dimension takes. */
  readonly levels?: readonly number[];
}
