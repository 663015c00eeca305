import { VqkitError } from "../core/errors.js";
import { CodeCounts, type Indices } from "./code-counts.js";
import { type UsageFigures, usageFigures } from "./usage.js";

/** How often each code was chosen at one scale of sequences of square grids (kind `multi-scale`). */
export interface ScaleCounts {
  /** Of the grid: each image has side² positions of this scale. */
  readonly side: number;
  readonly counts: CodeCounts;
}

/** How a codebook was used at one scale. JSON-safe. */
export interface ScaleFigures extends UsageFigures {
  readonly side: number;
}

/** Counts codes that are sequences, scale by scale. */
export class ScaleCounter {
  readonly scales: readonly ScaleCounts[];
  /** Indices of an image. */
  readonly #length: number;

  /** @param scales sides of the grids in their order, as `sequence.scales` of a quantizer */
  constructor(codebookSize: number, numCodebooks: number, scales: readonly number[]) {
    this.scales = scales.map((side) => ({ side, counts: new CodeCounts(codebookSize, numCodebooks) }));
    this.#length = scales.reduce((sum, side) => sum + side ** 2, 0) * numCodebooks;
  }

  /**
   * Counts whole sequences [N, 1, L, Q], flat.
   *
   * @throws VqkitError("codes") for a length that is none, or an index outside 0..K-1
   */
  add(indices: Indices): void {
    if (indices.length % this.#length !== 0) {
      throw new VqkitError(
        "codes",
        `indices: expected a multiple of ${this.#length} (the scales of an image), got ${indices.length}.`,
      );
    }
    for (let at = 0; at < indices.length; ) {
      for (const { side, counts } of this.scales) {
        const end = at + side ** 2 * counts.numCodebooks;
        counts.add(indices.subarray(at, end));
        at = end;
      }
    }
  }
}

/** The usage figures of each scale, in their order. */
export function scaleFigures(scales: readonly ScaleCounts[]): readonly ScaleFigures[] {
  return scales.map(({ side, counts }) => ({ side, ...usageFigures(counts) }));
}
