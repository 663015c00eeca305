const BLOCKS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;
/** At most twice as many means are kept. */
const KEPT = 64;

/** A curve in one line of text, in memory that does not grow with it. */
export class Sparkline {
  readonly #scale: "linear" | "log";
  /** Means of equally many values each; the newest may hold fewer. */
  #means: { sum: number; count: number }[] = [];
  #size = 1;

  /** @param scale `log` for values whose ratios count; those that are not above 0 are then left out */
  constructor(scale: "linear" | "log" = "linear") {
    this.#scale = scale;
  }

  /** @param value left out when it is not finite */
  add(value: number): void {
    const placed = this.#scale === "log" ? Math.log(value) : value;
    if (!Number.isFinite(placed)) return;
    const newest = this.#means.at(-1);
    if (newest === undefined || newest.count === this.#size) this.#means.push({ sum: placed, count: 1 });
    else {
      newest.sum += placed;
      newest.count++;
    }
    if (this.#means.length < 2 * KEPT || this.#means.at(-1)?.count !== this.#size) return;
    const pairs = this.#means.flatMap((mean, i, all) => {
      const next = all[i + 1];
      return i % 2 === 1 || next === undefined
        ? []
        : [{ sum: mean.sum + next.sum, count: mean.count + next.count }];
    });
    this.#means = pairs;
    this.#size *= 2;
  }

  /** From the lowest block at the least value to the highest at the greatest; level where all are equal. */
  text(width: number): string {
    const means = this.#means.map(({ sum, count }) => sum / count);
    const columns = Math.min(width, means.length);
    const values = Array.from({ length: columns }, (_, i) => {
      const part = means.slice(
        Math.floor((i * means.length) / columns),
        Math.floor(((i + 1) * means.length) / columns),
      );
      return part.reduce((sum, mean) => sum + mean, 0) / part.length;
    });
    const low = Math.min(...values);
    const high = Math.max(...values);
    return values
      .map((value) => BLOCKS[high === low ? 3 : Math.min(7, Math.floor((8 * (value - low)) / (high - low)))])
      .join("");
  }
}
