import type { AutoencoderConfig } from "../autoencoder/index.js";
import type { QuantizerConfig } from "../quantizers/index.js";
import type { Original } from "../runs/index.js";
import type { PlanOptions } from "./plan.js";
import type { SourceOptions } from "./source.js";

export interface ImportOptions extends PlanOptions, SourceOptions {
  /** A folder, new or empty. */
  readonly out: string;
  /** Let new files replace those of the same name; others stay. Default false. */
  readonly overwrite?: boolean;
  /** Told of each weight that was read. */
  readonly onWeight?: (done: number, total: number) => void;
}

/** What was imported. */
export interface ImportedTokenizer {
  /** The folder: every function that takes a run or a model takes it. */
  readonly dir: string;
  /** The family in words. */
  readonly title: string;
  readonly original: Original;
  readonly model: AutoencoderConfig;
  readonly quantizer: QuantizerConfig;
  /** K. */
  readonly codebookSize: number;
  /** Weights, and numbers in them. */
  readonly weights: number;
  readonly numbers: number;
  /** Weights of the files that are no part of the tokenizer (discriminators, optimizers, other networks), by the beginning of their names. */
  readonly leftOut: Readonly<Record<string, number>>;
}
