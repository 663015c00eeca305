/** How a codebook is used across the latent grid, and which codes stand beside which. JSON-safe. */
export interface PlaceStatistics {
  /** Cells of the map: the positions of the latent grid, or groups of them where it is larger or sizes differ. */
  readonly rows: number;
  readonly columns: number;
  /** Whether each cell is one position. */
  readonly isExact: boolean;
  /** Indices counted in each cell, [rows, columns]; so is the rest. */
  readonly samples: readonly number[];
  /** Different codes in each cell. */
  readonly distinct: readonly number[];
  /** Entropy of the codes of each cell, in bits; null where nothing was counted. */
  readonly entropyBits: readonly (number | null)[];
  /** For each of the codes asked for, how often it was counted in each cell. */
  readonly codes: readonly { readonly index: number; readonly counts: readonly number[] }[];
  readonly neighbours: NeighbourStatistics;
}

/** Pairs of positions beside each other: a left of b, or a above b. JSON-safe. */
export interface NeighbourStatistics {
  /** All pairs. */
  readonly pairs: number;
  /** Share of pairs of one code, 0..1; null without pairs. */
  readonly equal: number | null;
  /** The same if neighbours were independent of each other. */
  readonly expectedEqual: number | null;
  /** The codes of the tables. */
  readonly codes: readonly number[];
  /** How often codes[i] stood left of or above codes[j], [codes, codes]. */
  readonly counts: readonly number[];
  /** How often that would be if neighbours were independent. */
  readonly expected: readonly number[];
}

export interface PlaceOptions {
  /** K. */
  readonly codebookSize: number;
  /** Q; default 1. */
  readonly numCodebooks?: number;
  /** Which of them to look at; default 0. */
  readonly codebook?: number;
  /** The codes whose places and neighbours are kept, such as the most used. */
  readonly codes: readonly number[];
}

/** Indices of some images of one latent grid. */
export interface IndexGrids {
  readonly indices: ArrayLike<number>;
  /** [N, H, W, Q] */
  readonly shape: readonly number[];
}

/** A map has at most so many cells a side. */
const MOST_CELLS = 32;

/** Gathers where codes stand while indices pass by; memory grows with cells and codes, not with images. */
export class PlaceCounter {
  readonly #options: Required<PlaceOptions>;
  #grid: { rows: number; columns: number } | undefined;
  #isExact = true;
  /** cell · K + code → count */
  readonly #byCell = new Map<number, number>();
  readonly #first = new Map<number, number>();
  readonly #second = new Map<number, number>();
  readonly #position: ReadonlyMap<number, number>;
  readonly #table: Float64Array;
  #pairs = 0;
  #equal = 0;

  constructor(options: PlaceOptions) {
    this.#options = { numCodebooks: 1, codebook: 0, ...options };
    this.#position = new Map(options.codes.map((code, i) => [code, i]));
    this.#table = new Float64Array(options.codes.length ** 2);
  }

  add({ indices, shape }: IndexGrids): void {
    const [images = 0, height = 0, width = 0] = shape;
    const { codebookSize, numCodebooks, codebook } = this.#options;
    const grid = this.#gridFor(height, width);
    const at = (image: number, y: number, x: number): number =>
      indices[((image * height + y) * width + x) * numCodebooks + codebook] as number;
    for (let image = 0; image < images; image++) {
      for (let y = 0; y < height; y++) {
        const row = Math.floor((y * grid.rows) / height) * grid.columns;
        for (let x = 0; x < width; x++) {
          const code = at(image, y, x);
          increase(this.#byCell, (row + Math.floor((x * grid.columns) / width)) * codebookSize + code);
          if (x + 1 < width) this.#pair(code, at(image, y, x + 1));
          if (y + 1 < height) this.#pair(code, at(image, y + 1, x));
        }
      }
    }
  }

  result(): PlaceStatistics {
    const { codebookSize, codes } = this.#options;
    const { rows, columns } = this.#grid ?? { rows: 0, columns: 0 };
    const samples = Array<number>(rows * columns).fill(0);
    const distinct = [...samples];
    const bits = [...samples];
    const kept = codes.map((index) => ({ index, counts: [...samples] }));
    for (const [key, count] of this.#byCell) {
      const cell = Math.floor(key / codebookSize);
      samples[cell] = (samples[cell] as number) + count;
      distinct[cell] = (distinct[cell] as number) + 1;
      // Σ n·log2 n; the entropy is log2 N - that / N.
      bits[cell] = (bits[cell] as number) + count * Math.log2(count);
      const position = this.#position.get(key % codebookSize);
      if (position !== undefined) (kept[position] as { counts: number[] }).counts[cell] = count;
    }
    return {
      rows,
      columns,
      isExact: this.#isExact,
      samples,
      distinct,
      entropyBits: samples.map((n, cell) =>
        n === 0 ? null : Math.max(0, Math.log2(n) - (bits[cell] as number) / n),
      ),
      codes: kept,
      neighbours: this.#neighbours(),
    };
  }

  /** The first grid decides how many cells there are; others are stretched onto them. */
  #gridFor(height: number, width: number): { rows: number; columns: number } {
    this.#grid ??= { rows: Math.min(MOST_CELLS, height), columns: Math.min(MOST_CELLS, width) };
    this.#isExact &&= this.#grid.rows === height && this.#grid.columns === width;
    return this.#grid;
  }

  #pair(a: number, b: number): void {
    this.#pairs++;
    if (a === b) this.#equal++;
    increase(this.#first, a);
    increase(this.#second, b);
    const i = this.#position.get(a);
    const j = this.#position.get(b);
    if (i === undefined || j === undefined) return;
    const cell = i * this.#options.codes.length + j;
    this.#table[cell] = (this.#table[cell] as number) + 1;
  }

  #neighbours(): NeighbourStatistics {
    const { codes } = this.#options;
    const pairs = this.#pairs;
    let expectedEqual = 0;
    for (const [code, count] of this.#first)
      expectedEqual += (count / pairs) * ((this.#second.get(code) ?? 0) / pairs);
    return {
      pairs,
      equal: pairs === 0 ? null : this.#equal / pairs,
      expectedEqual: pairs === 0 ? null : expectedEqual,
      codes,
      counts: [...this.#table],
      expected: codes.flatMap((a) =>
        codes.map((b) =>
          pairs === 0 ? 0 : ((this.#first.get(a) ?? 0) * (this.#second.get(b) ?? 0)) / pairs,
        ),
      ),
    };
  }
}

function increase(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
