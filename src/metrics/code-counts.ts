import { VqkitError } from "../core/errors.js";

/** Indices as the quantizers, the tokenizer and the code files hold them. */
export type Indices = Int32Array | Uint8Array | Uint16Array | Uint32Array;

/** How often one index was seen. */
export interface IndexCount {
  readonly index: number;
  readonly count: number;
}

/** Counts as JSON: for each codebook the indices seen, ascending, and how often; an index not listed has 0. */
export interface CodeCountsJson {
  readonly codebookSize: number;
  readonly numCodebooks: number;
  readonly codebooks: readonly { readonly indices: readonly number[]; readonly counts: readonly number[] }[];
}

/** Up to this many codes a table holds one number per code (128 MB); an implicit codebook beyond it is held sparsely. */
const DENSE_LIMIT = 2 ** 24;

/**
 * How often each code of Q codebooks of K codes was chosen.
 *
 * Counts are exact up to 2^53. A codebook too large to list (FSQ's is implicit) takes memory only for the codes seen.
 */
export class CodeCounts {
  readonly codebookSize: number;
  readonly numCodebooks: number;
  readonly #tables: readonly CountTable[];
  readonly #used: number[];
  #samples = 0;

  /** @throws VqkitError("codes") unless both are integers >= 1. */
  constructor(codebookSize: number, numCodebooks = 1) {
    for (const [name, value] of Object.entries({ codebookSize, numCodebooks })) {
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new VqkitError("codes", `${name}: expected an integer >= 1, got ${value}.`);
      }
    }
    this.codebookSize = codebookSize;
    this.numCodebooks = numCodebooks;
    const dense = codebookSize * numCodebooks <= DENSE_LIMIT;
    this.#tables = Array.from({ length: numCodebooks }, () =>
      dense ? new DenseTable(codebookSize) : new SparseTable(),
    );
    this.#used = new Array<number>(numCodebooks).fill(0);
  }

  /** Indices counted in each codebook (N of the figures). */
  get samples(): number {
    return this.#samples;
  }

  /**
   * Counts indices of shape [..., Q], flat: element i belongs to codebook i mod Q.
   *
   * @throws VqkitError("codes") when the length is no multiple of Q or an index is outside 0..K-1; nothing is counted then.
   */
  add(indices: Indices): void {
    this.#check(indices);
    this.#change(indices, 1);
  }

  /**
   * Takes back indices that `add` counted before.
   *
   * @throws VqkitError("codes") for indices that `add` would refuse, or that were never counted.
   */
  remove(indices: Indices): void {
    this.#check(indices);
    if (indices.length / this.numCodebooks > this.#samples) {
      throw new VqkitError("codes", "remove: expected indices that were counted before, got more than that.");
    }
    this.#change(indices, -1);
  }

  /** Adds the counts of another part of the same set. @throws VqkitError("codes") when K or Q differ. */
  merge(other: CodeCounts): void {
    if (other.codebookSize !== this.codebookSize || other.numCodebooks !== this.numCodebooks) {
      throw new VqkitError(
        "codes",
        `merge: expected ${this.numCodebooks} codebooks of ${this.codebookSize} codes, got ${other.numCodebooks} of ${other.codebookSize}.`,
      );
    }
    const parts = this.#tables.map((_, q) => other.usedCodes(q)); // a copy first: `other` may be this object
    for (const [q, part] of parts.entries()) {
      for (const { index, count } of part) this.#bump(q, index, count);
    }
    this.#samples += other.samples;
  }

  /** How often `index` was seen in codebook `codebook`. */
  count(index: number, codebook = 0): number {
    return this.#table(codebook).get(index);
  }

  /** How many codes of a codebook were seen at least once; constant time. */
  used(codebook = 0): number {
    this.#table(codebook);
    return this.#used[codebook] as number;
  }

  /**
   * All counts of a codebook: [K], a copy.
   *
   * @throws VqkitError("codes") for a codebook of more than 2^24 codes; read `usedCodes` there.
   */
  counts(codebook = 0): Float64Array {
    if (this.codebookSize > DENSE_LIMIT) {
      throw new VqkitError(
        "codes",
        `counts: expected at most ${DENSE_LIMIT} codes to list, got ${this.codebookSize}. Read usedCodes().`,
      );
    }
    const counts = new Float64Array(this.codebookSize);
    this.forEachUsed(codebook, (index, count) => {
      counts[index] = count;
    });
    return counts;
  }

  /** The codes seen, by ascending index. */
  usedCodes(codebook = 0): IndexCount[] {
    const used: IndexCount[] = [];
    this.forEachUsed(codebook, (index, count) => used.push({ index, count }));
    return used;
  }

  /** Visits the codes seen, by ascending index. */
  forEachUsed(codebook: number, visit: (index: number, count: number) => void): void {
    this.#table(codebook).forEach(visit);
  }

  toJSON(): CodeCountsJson {
    const codebooks = this.#tables.map((_, q) => {
      const used = this.usedCodes(q);
      return { indices: used.map(({ index }) => index), counts: used.map(({ count }) => count) };
    });
    return { codebookSize: this.codebookSize, numCodebooks: this.numCodebooks, codebooks };
  }

  /**
   * The counts that `toJSON` wrote.
   *
   * @throws VqkitError("codes") when lists disagree in length, an index is repeated or out of range, a count is no
   * integer >= 1, or codebooks have seen different numbers of indices.
   */
  static fromJSON(json: CodeCountsJson): CodeCounts {
    if (json.codebooks.length !== json.numCodebooks) {
      throw new VqkitError(
        "codes",
        `codebooks: expected ${json.numCodebooks} of them, got ${json.codebooks.length}.`,
      );
    }
    const result = new CodeCounts(json.codebookSize, json.numCodebooks);
    const totals = json.codebooks.map(({ indices, counts }, q) => {
      const where = `codebooks[${q}]`;
      if (indices.length !== counts.length) {
        throw new VqkitError(
          "codes",
          `${where}: expected as many counts as indices (${indices.length}), got ${counts.length}.`,
        );
      }
      let total = 0;
      for (const [i, index] of indices.entries()) {
        const count = counts[i] as number;
        const ascending = i === 0 || index > (indices[i - 1] as number);
        if (!Number.isSafeInteger(index) || index < 0 || index >= json.codebookSize || !ascending) {
          throw new VqkitError(
            "codes",
            `${where}.indices[${i}]: expected ascending indices in 0..${json.codebookSize - 1}, got ${index}.`,
          );
        }
        if (!Number.isSafeInteger(count) || count < 1) {
          throw new VqkitError(
            "codes",
            `${where}.counts[${i}]: expected an integer >= 1, got ${String(count)}.`,
          );
        }
        result.#bump(q, index, count);
        total += count;
      }
      return total;
    });
    result.#samples = totals[0] as number;
    const odd = totals.findIndex((total) => total !== result.#samples);
    if (odd >= 0) {
      throw new VqkitError(
        "codes",
        `codebooks[${odd}]: expected ${result.#samples} indices in all as in codebooks[0], got ${totals[odd]}.`,
      );
    }
    return result;
  }

  #table(codebook: number): CountTable {
    const table = this.#tables[codebook];
    if (table === undefined) {
      throw new VqkitError(
        "codes",
        `codebook: expected an integer in 0..${this.numCodebooks - 1}, got ${codebook}.`,
      );
    }
    return table;
  }

  #check(indices: Indices): void {
    if (indices.length % this.numCodebooks !== 0) {
      throw new VqkitError(
        "codes",
        `indices: expected a multiple of ${this.numCodebooks} (one for each codebook), got ${indices.length}.`,
      );
    }
    for (let i = 0; i < indices.length; i++) {
      const index = indices[i] as number;
      if (index < 0 || index >= this.codebookSize) {
        throw new VqkitError(
          "codes",
          `indices[${i}]: expected an index in 0..${this.codebookSize - 1}, got ${index}.`,
        );
      }
    }
  }

  #change(indices: Indices, by: 1 | -1): void {
    const q = this.numCodebooks;
    for (let i = 0; i < indices.length; i++) this.#bump(i % q, indices[i] as number, by);
    this.#samples += (by * indices.length) / q;
  }

  #bump(codebook: number, index: number, by: number): void {
    const table = this.#tables[codebook] as CountTable;
    const before = table.get(index);
    const after = before + by;
    if (after < 0) {
      throw new VqkitError(
        "codes",
        `remove: expected index ${index} to have been counted before, got one too many.`,
      );
    }
    table.set(index, after);
    if (before === 0 && after > 0) this.#used[codebook] = (this.#used[codebook] as number) + 1;
    if (before > 0 && after === 0) this.#used[codebook] = (this.#used[codebook] as number) - 1;
  }
}

interface CountTable {
  get(index: number): number;
  set(index: number, count: number): void;
  /** Counts above 0, by ascending index. */
  forEach(visit: (index: number, count: number) => void): void;
}

class DenseTable implements CountTable {
  readonly #counts: Float64Array;

  constructor(size: number) {
    this.#counts = new Float64Array(size);
  }

  get(index: number): number {
    return this.#counts[index] ?? 0;
  }

  set(index: number, count: number): void {
    this.#counts[index] = count;
  }

  forEach(visit: (index: number, count: number) => void): void {
    for (let i = 0; i < this.#counts.length; i++) {
      const count = this.#counts[i] as number;
      if (count > 0) visit(i, count);
    }
  }
}

class SparseTable implements CountTable {
  readonly #counts = new Map<number, number>();

  get(index: number): number {
    return this.#counts.get(index) ?? 0;
  }

  set(index: number, count: number): void {
    if (count === 0) this.#counts.delete(index);
    else this.#counts.set(index, count);
  }

  forEach(visit: (index: number, count: number) => void): void {
    for (const index of [...this.#counts.keys()].sort((a, b) => a - b)) visit(index, this.get(index));
  }
}
