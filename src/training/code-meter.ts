import { joinArrays } from "../core/typed-arrays.js";
import type { TensorMap } from "../files/index.js";
import { type CodebookDrift, CodeCounts, type CodeRecord, type Indices } from "../metrics/index.js";
import { allCodes, hasCodes, type Quantizer } from "../quantizers/index.js";
import { arrayOf, countsOf, keepsTimeline, storedCounts } from "../runs/index.js";
import * as tf from "../tf/index.js";

/**
 * Follows the life of single codes in training: how often each has been chosen since the last record, and how far its
 * vector has moved. The vectors are those that the model trains, also where an average of the weights is evaluated.
 */
export class CodeMeter {
  readonly #quantizer: Quantizer;
  #counts: CodeCounts;
  /** 1 for each code that was replaced since the last record, [Q, K] flat; null where none ever is. */
  #replaced: Uint8Array | null;
  /** The codes of each codebook at the last record (before step 1, at first), [K, D] flat; null where they cannot move. */
  #codes: readonly Float32Array[] | null = null;

  constructor(quantizer: Quantizer) {
    this.#quantizer = quantizer;
    this.#counts = this.#empty();
    this.#replaced = this.#noneReplaced();
  }

  /** Whether the quantizer's codes are few enough to be followed one by one. */
  static follows(quantizer: Quantizer): boolean {
    return keepsTimeline(quantizer);
  }

  /** Takes the codes as they are before step 1. */
  async start(): Promise<void> {
    if (this.#canMove()) this.#codes = await codeVectors(this.#quantizer);
  }

  /**
   * Counts a step's indices, flat [..., Q].
   *
   * @param replaced 1 for each code that the step replaced, [Q, K] flat
   */
  add(indices: Indices, replaced?: Float32Array): void {
    this.#counts.add(indices);
    replaced?.forEach((isNew, code) => {
      if (isNew > 0 && this.#replaced !== null) this.#replaced[code] = 1;
    });
  }

  /** What happened since the last record; the next one begins here. */
  async record(step: number): Promise<CodeRecord> {
    const counts = this.#counts;
    const before = this.#codes;
    const replaced = this.#replaced;
    this.#counts = this.#empty();
    this.#replaced = this.#noneReplaced();
    if (before !== null) this.#codes = await codeVectors(this.#quantizer);
    const after = this.#codes ?? [];
    const drift =
      before?.map((codes, codebook) => driftBetween(codes, after[codebook] ?? codes, counts.codebookSize)) ??
      null;
    const codebooks = Array.from({ length: counts.numCodebooks }, (_, codebook) => {
      const used = counts.usedCodes(codebook);
      return {
        indices: Uint32Array.from(used, ({ index }) => index),
        counts: Float64Array.from(used, ({ count }) => count),
      };
    });
    const record = { step, samples: counts.samples, codebooks, drift };
    return replaced === null ? record : { ...record, replaced: codesAt(replaced, counts) };
  }

  /** What the next record needs, for a checkpoint. */
  state(): TensorMap {
    const state = new Map(storedCounts(this.#counts));
    if (this.#replaced !== null) {
      state.set("replaced", { dtype: "U8", shape: [this.#replaced.length], data: this.#replaced });
    }
    if (this.#codes !== null) {
      const data = joinArrays(this.#codes, (length) => new Float32Array(length));
      state.set("codes", { dtype: "F32", shape: [data.length], data });
    }
    return state;
  }

  /** Continues from what `state` gave. @throws as `countsOf`, also for codes of another number or length */
  restore(state: TensorMap): void {
    this.#counts = countsOf(state, this.#quantizer);
    const none = this.#noneReplaced();
    // A checkpoint of an earlier version has none, and the next record knows less.
    const replaced = none && arrayOf(state, "replaced", { dtype: "U8", shape: [none.length] });
    this.#replaced = replaced?.data.slice() ?? none;
    const sizes = this.#canMove() ? codebookLengths(this.#quantizer) : [];
    const shape = [sizes.reduce((sum, size) => sum + size, 0)];
    const codes = arrayOf(state, "codes", { dtype: "F32", shape });
    if (codes === undefined) {
      this.#codes = null;
      return;
    }
    let start = 0;
    this.#codes = sizes.map((size) => {
      start += size;
      return codes.data.slice(start - size, start);
    });
  }

  #canMove(): boolean {
    return hasCodes(this.#quantizer) && this.#quantizer.variables().size > 0;
  }

  #noneReplaced(): Uint8Array | null {
    const { codebookSize, numCodebooks, replaceDeadCodes } = this.#quantizer;
    return replaceDeadCodes === undefined ? null : new Uint8Array(codebookSize * numCodebooks);
  }

  #empty(): CodeCounts {
    const { codebookSize, numCodebooks } = this.#quantizer;
    return new CodeCounts(codebookSize, numCodebooks);
  }
}

/** The codes of each codebook that a mask [Q, K] has, ascending. */
function codesAt(mask: Uint8Array, { codebookSize, numCodebooks }: CodeCounts): Uint32Array[] {
  return Array.from({ length: numCodebooks }, (_, codebook) => {
    const own = mask.subarray(codebook * codebookSize, (codebook + 1) * codebookSize);
    return Uint32Array.from([...own.keys()].filter((code) => own[code] === 1));
  });
}

/** Every code of each codebook: [K, D] each, flat. */
async function codeVectors(quantizer: Quantizer): Promise<Float32Array[]> {
  const codes = tf.tidy(() => codebooksOf(quantizer));
  try {
    return await Promise.all(codes.map(async (each) => ((await each.data()) as Float32Array).slice()));
  } finally {
    tf.dispose(codes);
  }
}

function codebooksOf(quantizer: Quantizer): tf.Tensor2D[] {
  return Array.from({ length: quantizer.numCodebooks }, (_, codebook) =>
    allCodes(quantizer, codebook).clone(),
  );
}

/** How many numbers the codes of each codebook are. */
function codebookLengths(quantizer: Quantizer): number[] {
  const sizes: number[] = [];
  tf.tidy(() => {
    for (const { size } of codebooksOf(quantizer)) sizes.push(size);
  });
  return sizes;
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
