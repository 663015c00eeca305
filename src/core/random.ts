import { createHash } from "node:crypto";
import { xoroshiro128plusFromState } from "pure-rand/generator/xoroshiro128plus";

type Label = string | number;

/**
 * A seeded stream of random numbers. All chance in vqkit comes from here.
 *
 * A stream is named by a seed and labels (`new Random(0, "crop", 17)`), so what one part draws never shifts what
 * another part draws: the encoder starts from the same weights whatever quantizer stands beside it.
 */
export class Random {
  #isBlank = false;
  readonly #generator: ReturnType<typeof xoroshiro128plusFromState>;

  constructor(seed: number, ...labels: readonly Label[]) {
    const digest = createHash("sha256")
      .update(JSON.stringify([seed, ...labels]))
      .digest();
    // 128 bits of the digest are the generator's whole state.
    this.#generator = xoroshiro128plusFromState([0, 4, 8, 12].map((at) => digest.readInt32LE(at)));
  }

  /**
   * A stream for what is about to be replaced: `fill` gives zeros and draws nothing.
   *
   * Single draws are those of any stream, so that a loop until some number fits comes to its end.
   */
  static blank(): Random {
    const random = new Random(0, "blank");
    random.#isBlank = true;
    return random;
  }

  /** Uniform in [0, 1), 32 bits of resolution. */
  next(): number {
    return (this.#generator.next() >>> 0) / 2 ** 32;
  }

  /** Uniform integer in [0, limit). */
  integer(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** Uniform in [low, high). */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** Standard normal (Box-Muller; one of the pair is used, so that draws stay countable). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.next()));
    return radius * Math.cos(2 * Math.PI * this.next());
  }

  /** A new array with the items in random order. */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    this.shuffle(result);
    return result;
  }

  /** Brings the items of an array into random order, in their place (Fisher-Yates); what is drawn depends on their number alone. */
  shuffle<T>(items: { readonly length: number; [index: number]: T }): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [items[i], items[j]] = [items[j] as T, items[i] as T];
    }
  }

  /** `length` draws as float32. */
  fill(length: number, draw: (random: Random) => number): Float32Array {
    const values = new Float32Array(length);
    if (this.#isBlank) return values;
    for (let i = 0; i < length; i++) values[i] = draw(this);
    return values;
  }
}
