import type { z } from "zod";
import type { Paper } from "./paper.js";

/** Options of a part by name, each with its range, default and description. */
export type PartOptions = Readonly<Record<string, z.ZodDefault>>;

/** The values that options take. */
export type OptionValues<S extends PartOptions> = { readonly [N in keyof S]: z.output<S[N]> };

/** What a codebook and a gradient estimator both say of themselves. */
export interface Part<N extends string = string, S extends PartOptions = PartOptions> {
  /** The name in configurations. */
  readonly name: N;
  /** One line, for listings. */
  readonly summary: string;
  readonly paper?: Paper;
  /** What it reads of the configuration. Parts that read the same option share its schema. */
  readonly options: S;
  /** Defaults that it has for options which others read too, where its paper's differ from the usual ones. */
  readonly defaults?: Readonly<Record<string, unknown>>;
}

/** The options of a part in a resolved configuration, which has a value for each. */
export function optionsOf<S extends PartOptions>(
  { options }: Part<string, S>,
  config: Readonly<Record<string, unknown>>,
): OptionValues<S> {
  return Object.fromEntries(Object.keys(options).map((name) => [name, config[name]])) as OptionValues<S>;
}
