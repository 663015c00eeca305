import { z } from "zod";
import type { Random } from "../../core/random.js";
import type { Tensor, Tensor1D, Tensor2D, Variable } from "../../tf/index.js";
import type { CodeLearning } from "../facts.js";
import type { Similarity } from "../nearest-code.js";
import type { OptionValues, Part, PartOptions } from "../part.js";
import type { StateValue } from "../quantizer.js";
import { tf } from "../tfjs.js";
import type { Placement } from "./placement.js";

/** A table of K codes of D numbers each, and the way it learns. */
export interface Codebook {
  /** Where latents are put before they are compared with codes. */
  readonly placement: Placement;

  /** What makes a code the nearest. */
  readonly similarity: Similarity;

  /** The codes as they are now, [K, D]. Call inside `tf.tidy`; do not dispose the result. */
  codes(): Tensor2D;

  /** Makes `codes()` return these, [K, D] row by row, and resets what was learned. */
  setCodes(codes: Float32Array): void;

  /**
   * The codebook's own learning after a training step; a no-op where gradients teach it.
   *
   * @param latents [M, D]
   * @param indices [M] int32, the code each latent was assigned to
   */
  update(latents: Tensor2D, indices: Tensor1D): void;

  /**
   * Puts codes elsewhere. Leave it out where codes cannot be moved one by one.
   *
   * @param isNew 1 for a code that is replaced, else 0: [K]
   * @param codes what replaces it, [K, D]
   * @returns the names of the variables whose rows are new there
   */
  replace?(isNew: Tensor1D, codes: Tensor2D): readonly string[];

  /** A codebook of the codes at `kept` alone, in that order, equal to these bit for bit. */
  keep(kept: readonly number[]): Promise<KeptCodebook>;

  /** All state by name. */
  variables(): ReadonlyMap<string, Variable>;

  dispose(): void;
}

/** What holds some of a codebook's codes. */
export interface KeptCodebook {
  /** The name of its part. */
  readonly codebook: string;
  /** All state by name. */
  readonly state: ReadonlyMap<string, StateValue>;
}

/** What every codebook starts from. */
export interface CodebookStart {
  readonly codebookSize: number;
  readonly codeDim: number;
  /** [K, D] row by row. */
  readonly codes: Float32Array;
}

/** What the loss card says of a codebook. */
export interface CodebookCard {
  /** How it is held and learns. */
  readonly sentence: string;
  /** The latents as its losses have them, e.g. "z". */
  readonly latent: string;
  /** What its own loss moves; null where no gradient teaches it. */
  readonly loss: { readonly moves: string; readonly leaves: string } | null;
}

/** What a codebook's card depends on besides its own options. */
export interface CardContext {
  /** Whether the estimator carries the reconstruction's gradient to the codes too. */
  readonly learnsFromReconstruction: boolean;
}

/** One way to hold K codes, as it describes itself. To add one: a file like free.ts (of a table that gradients teach row by row; table.ts) or ema.ts, and a line in family/parts.ts. */
export interface CodebookPart<N extends string = string, S extends PartOptions = PartOptions>
  extends Part<N, S> {
  readonly learning: CodeLearning;
  /** Whether a latent's length has a part in which code is chosen. */
  readonly comparesLengths: boolean;

  card(options: OptionValues<S>, context: CardContext): CodebookCard;

  /** How many numbers its variables hold. */
  numbers(shape: Pick<CodebookStart, "codebookSize" | "codeDim">, options: OptionValues<S>): number;

  /** @param random what is drawn besides `start.codes` comes from here */
  create(start: CodebookStart, options: OptionValues<S>, random: Random): Codebook;
}

/** Keeps the names and options of a part as types. */
export function codebookPart<const N extends string, S extends PartOptions>(
  part: CodebookPart<N, S>,
): CodebookPart<N, S> {
  return part;
}

/** The values of the rows at `kept` of a table [K, D] that `make` gives. */
export async function keptRows(make: () => Tensor2D, kept: readonly number[]): Promise<StateValue> {
  const { shape, data } = await valuesOf(make);
  const width = shape[1] as number;
  const rows = new Float32Array(kept.length * width);
  for (const [i, row] of kept.entries()) rows.set(data.subarray(row * width, (row + 1) * width), i * width);
  return { shape: [kept.length, width], data: rows };
}

/** The values of a tensor that `make` gives. */
export async function valuesOf(make: () => Tensor): Promise<StateValue> {
  const tensor = tf.tidy(() => make().clone());
  try {
    return { shape: tensor.shape, data: Float32Array.from(await tensor.data()) };
  } finally {
    tensor.dispose();
  }
}

/** Of every codebook that a codebook loss teaches. */
export const codebookWeight = z
  .number()
  .min(0)
  .default(1)
  .describe("weight of the codebook loss, mean of (sg z - q)^2");
