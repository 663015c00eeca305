/** A figure over the records of a run, in bins of equally many records each (the newest may hold fewer). */
export interface Curve {
  /** Values taken in. */
  readonly records: number;
  /** In the order of recording. */
  readonly bins: readonly CurveBin[];
}

/** What a bin keeps: enough for means, and for spikes that a mean would hide. */
export interface CurveBin {
  readonly count: number;
  readonly sum: number;
  readonly max: number;
}

/** A part of a curve. */
export interface CurvePart {
  /** Of its bins' means: one wild step does not move it. */
  readonly median: number;
  readonly max: number;
}

/** At most twice as many bins are kept, so a tenth of a long run is at least twenty of them. */
const BINS = 200;

/** Gathers a curve, one value at a time, in memory that does not grow with the run. */
export class CurveBuilder {
  #bins: CurveBin[] = [];
  #size = 1;
  #records = 0;

  add(value: number): void {
    const newest = this.#bins.at(-1);
    if (newest === undefined || newest.count === this.#size) {
      this.#bins.push({ count: 1, sum: value, max: value });
    } else {
      this.#bins[this.#bins.length - 1] = merged(newest, { count: 1, sum: value, max: value });
    }
    this.#records++;
    if (this.#bins.length === 2 * BINS && this.#bins.at(-1)?.count === this.#size) this.#halve();
  }

  curve(): Curve {
    return { records: this.#records, bins: [...this.#bins] };
  }

  #halve(): void {
    const pairs: CurveBin[] = [];
    for (let i = 0; i < this.#bins.length; i += 2) {
      pairs.push(merged(this.#bins[i] as CurveBin, this.#bins[i + 1] as CurveBin));
    }
    this.#bins = pairs;
    this.#size *= 2;
  }
}

function merged(a: CurveBin, b: CurveBin): CurveBin {
  return { count: a.count + b.count, sum: a.sum + b.sum, max: Math.max(a.max, b.max) };
}

/** Cuts a curve into ten parts of equally many bins, as nearly as that goes. @param curve at least ten bins */
export function tenths({ bins }: Curve): CurvePart[] {
  return Array.from({ length: 10 }, (_, i) => {
    const from = Math.floor((i * bins.length) / 10);
    const part = bins.slice(from, Math.floor(((i + 1) * bins.length) / 10));
    return {
      median: medianOf(part.map(({ sum, count }) => sum / count)),
      max: Math.max(...part.map(({ max }) => max)),
    };
  });
}

/** The mean of the newest bin. @param curve at least one bin */
export function newest({ bins }: Curve): number {
  const { sum, count } = bins.at(-1) as CurveBin;
  return sum / count;
}

/** @param values at least one */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const upper = sorted[half] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] as number)) / 2;
}
