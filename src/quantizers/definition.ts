import type { Random } from "../core/random.js";
import type { QuantizerFacts } from "./facts.js";
import type { Paper } from "./paper.js";
import type { Quantizer, QuantizerConfig } from "./quantizer.js";

/** One of the things that an option may name, for listings. */
export interface OptionChoice {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  readonly paper?: Paper;
}

/** One option of a kind, for listings. */
export interface QuantizerOption {
  readonly name: string;
  /** What it accepts, e.g. `integer >= 1` or `"free" | "ema"`. */
  readonly type: string;
  readonly description: string;
  /** Absent where the option has none. */
  readonly default?: unknown;
  /** What each name stands for that it may have. */
  readonly choices?: readonly OptionChoice[];
}

/** Settings that serve most people better than the paper's, which stay the default. */
export interface Recommendation {
  /** The options beside which they are meant, where a configuration sets these at all. */
  readonly where: Readonly<Record<string, unknown>>;
  readonly options: Readonly<Record<string, unknown>>;
  /** What they make of the quantizer, and why: what `KIND has`. */
  readonly reason: string;
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

  /**
   * What a configuration says of the quantizer. Without it, pages say that they do not know, and a model file is not
   * held against the size of its codebook before it is built. null where they depend on a kind that does not say.
   */
  facts?(config: C): QuantizerFacts | null;

  readonly recommended?: Recommendation;

  /** What a person should know before training with this configuration; one sentence each. */
  warnings?(config: C): string[];
}
