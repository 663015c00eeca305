import type { AutoencoderConfig, PixelBatch } from "../../autoencoder/index.js";
import type { CodesShape, IndexArray } from "../codes.js";

/** Indices and their shape [N,H,W,Q]. */
export interface IndexGrid {
  readonly indices: IndexArray;
  readonly shape: CodesShape;
}

/** The codes of a codebook, [K, D] row by row. */
export interface CodeVectors {
  readonly codeDim: number;
  readonly values: Float32Array;
}

/** What the encoder makes of images before anything is rounded to codes, flat. */
export interface Latents {
  readonly values: Float32Array;
}

/** What is known of a model without computing. Plain data. */
export interface ModelFacts {
  /** The autoencoder's. */
  readonly config: AutoencoderConfig;
  /** SHA-256, in hex, of the model's configuration and weights. */
  readonly fingerprint: string;
  /** K. */
  readonly codebookSize: number;
  /** Q. */
  readonly numCodebooks: number;
  /** As `scales` of `Codes`: where the codes of an image are a sequence. The model takes images of one size then. */
  readonly scales?: readonly number[];
  /** Whether `codeVectors` has the codes of each codebook. */
  readonly hasCodeVectors: boolean;
}

/** Pixels a side of the images that a model takes; undefined where it takes any size. */
export function imageSideOf({ config, scales }: ModelFacts): number | undefined {
  const side = scales?.at(-1);
  return side === undefined ? undefined : side * config.downsamplingFactor;
}

/**
 * A model's passes from plain arrays to plain arrays, on this thread or on others. Pixels that are handed in are the
 * pass's from then on: their memory may go to another thread.
 *
 * A pass whose signal is aborted fails with the signal's reason: at once where it still waits, and where it is being
 * computed its result is dropped.
 */
export interface Passes {
  readonly facts: ModelFacts;
  /** Passes worth asking for before the ones before them are done; 0 where they are computed on this thread. */
  readonly ahead: number;
  encode(pixels: PixelBatch, signal?: AbortSignal): Promise<IndexGrid>;
  /** The encoder alone. */
  latents(pixels: PixelBatch): Promise<Latents>;
  decode(grid: IndexGrid, signal?: AbortSignal): Promise<PixelBatch>;
  /** Encoder, quantizer and decoder in one graph. */
  forward(pixels: PixelBatch, signal?: AbortSignal): Promise<PixelBatch>;
  /** @throws VqkitError("codes") for a codebook that is not there, or where `hasCodeVectors` is not */
  codeVectors(codebook: number): Promise<CodeVectors>;
  /** @throws VqkitError("engine") after `dispose` */
  checkAlive(): void;
  /** Frees the model: what waits fails, what is being computed ends first. */
  dispose(): Promise<void>;
}
