import type { Random } from "../core/random.js";
import type { Quantizer, QuantizerConfig } from "./quantizer.js";

/** Where a method was published. */
export interface Paper {
  readonly title: string;
  /** The arXiv identifier, e.g. "1711.00937". */
  readonly arxiv: string;
}

/** One option of a kind, for listings. */
export interface QuantizerOption {
  readonly name: string;
  /** What it accepts, e.g. `integer >= 1` or `"free" | "ema"`. */
  readonly type: string;
  readonly description: string;
  /** Absent where the option has none. */
  readonly default?: unknown;
}

/** A kind of quantizer: what `registerQuantizer` takes. */
export interface QuantizerDefinition<C extends QuantizerConfig = QuantizerConfig> {
  /** The name in configurations. */
  readonly kind: string;
  /** One line for listings. */
  readonly summary: string;
  readonly paper?: Paper;
  readonly options: readonly QuantizerOption[];

  /**
   * Resolves a configuration object, `kind` included: checks it and writes every default out.
   *
   * Parsing its own result must change nothing. Throws ConfigError at `quantizer.<option>`.
   */
  parse(value: unknown): C;

  /** Builds the quantizer; every random draw comes from `random`. */
  create(config: C, random: Random): Quantizer;

  /** What a person should know before training with this configuration; one sentence each. */
  warnings?(config: C): string[];
}
