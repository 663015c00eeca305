import type { TensorMap } from "../files/index.js";
import { type CodebookDrift, CodeCounts, type CodeRecord, type Indices } from "../metrics/index.js";
import { allCodes, type Quantizer } from "../quantizers/index.js";
import { arrayOf, countsOf, keepsTimeline, storedCounts } from "../runs/index.js";

/**
 * Follows the life of single codes in training: how often each has been chosen since the last record, and how far its
 * vector has moved. The vectors are those that the model trains, also where an average of the weights is evaluated.
 */
export class CodeMeter {
  readonly #quantizer: Quantizer;
  #counts: CodeCounts;
  /** The codes at the last record (before step 1, at first), [K, D] flat; null where they cannot move. */
  #codes: Float32Array | null = null;

  constructor(quantizer: Quantizer) {
    this.#quantizer = quantizer;
    this.#counts = this.#empty();
  }

  /** Whether the quantizer's codes are few enough to be followed one by one. */
  static follows(quantizer: Quantizer): boolean {
    return keepsTimeline(quantizer);
  }

  /** Takes the codes as they are before step 1. */
  async start(): Promise<void> {
    if (this.#canMove()) this.#codes = await codeVectors(this.#quantizer);
  }

  /** Counts a step's indices, flat [..., Q]. */
  add(indices: Indices): void {
    this.#counts.add(indices);
  }

  /** What happened since the last record; the next one begins here. */
  async record(step: number): Promise<CodeRecord> {
    const counts = this.#counts;
    const before = this.#codes;
    this.#counts = this.#empty();
    if (before !== null) this.#codes = await codeVectors(this.#quantizer);
    const drift = before === null ? null : driftBetween(before, this.#codes ?? before, counts.codebookSize);
    const codebooks = Array.from({ length: counts.numCodebooks }, (_, codebook) => {
      const used = counts.usedCodes(codebook);
      return {
        indices: Uint32Array.from(used, ({ index }) => index),
        counts: Float64Array.from(used, ({ count }) => count),
      };
    });
    return { step, samples: counts.samples, codebooks, drift };
  }

  /** What the next record needs, for a checkpoint. */
  state(): TensorMap {
    const state = new Map(storedCounts(this.#counts));
    if (this.#codes !== null) {
      state.set("codes", { dtype: "F32", shape: [this.#codes.length], data: this.#codes });
    }
    return state;
  }

  /** Continues from what `state` gave. @throws as `countsOf`, also for codes of another number or length */
  restore(state: TensorMap): void {
    this.#counts = countsOf(state, this.#quantizer);
    const { codebookSize, codeDim } = this.#quantizer;
    const codes = arrayOf(state, "codes", { dtype: "F32", shape: [codebookSize * codeDim] });
    this.#codes = codes?.data ?? null;
  }

  /** Of several codebooks together, a code is no row of one table. */
  #canMove(): boolean {
    const { numCodebooks } = this.#quantizer;
    return numCodebooks === 1 && this.#quantizer.variables().size > 0;
  }

  #empty(): CodeCounts {
    const { codebookSize, numCodebooks } = this.#quantizer;
    return new CodeCounts(codebookSize, numCodebooks);
  }
}

/** Every code as the decoder receives it: [K, D], flat. */
async function codeVectors(quantizer: Quantizer): Promise<Float32Array> {
  const codes = allCodes(quantizer);
  try {
    return ((await codes.data()) as Float32Array).slice();
  } finally {
    codes.dispose();
  }
}

function driftBetween(before: Float32Array, after: Float32Array, codebookSize: number): CodebookDrift {
  const codeDim = before.length / codebookSize;
  const perCode = new Float32Array(codebookSize);
  let allMoved = 0;
  let allLength = 0;
  for (let code = 0; code < codebookSize; code++) {
    let moved = 0;
    let length = 0;
    for (let i = code * codeDim; i < (code + 1) * codeDim; i++) {
      const old = before[i] as number;
      moved += ((after[i] as number) - old) ** 2;
      length += old ** 2;
    }
    perCode[code] = moved === 0 ? 0 : Math.sqrt(moved / length);
    allMoved += moved;
    allLength += length;
  }
  return { overall: allLength === 0 ? null : Math.sqrt(allMoved / allLength), perCode };
}
