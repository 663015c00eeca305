import { ConfigError } from "../core/errors.js";
import { Random } from "../core/random.js";
import { ourWordFor, unknownName } from "../core/suggest.js";
import { nearestToAbsent } from "./absent-kinds.js";
import type { QuantizerDefinition, QuantizerOption, Recommendation } from "./definition.js";
import type { QuantizerFacts } from "./facts.js";
import type { Paper } from "./paper.js";
import type { Quantizer, QuantizerConfig } from "./quantizer.js";

const definitions = new Map<string, QuantizerDefinition>();

/**
 * Makes a kind of quantizer known to configurations, the command line and reports.
 *
 * @throws ConfigError when another definition has that kind; registering the same one again does nothing
 */
export function registerQuantizer<C extends QuantizerConfig>(definition: QuantizerDefinition<C>): void {
  const { kind } = definition;
  const present = definitions.get(kind);
  if (present !== undefined && present !== definition) {
    throw new ConfigError(
      "",
      `Quantizer "${kind}" is already registered with another definition. Rename one.`,
    );
  }
  definitions.set(kind, definition);
}

/** The registered kinds, sorted. */
export function quantizerKinds(): string[] {
  return [...definitions.keys()].sort();
}

/**
 * Resolves a quantizer's configuration: checks it and writes every default out.
 *
 * @param value an object with `kind` and that kind's options
 * @throws ConfigError at `quantizer.kind` or `quantizer.<option>`
 */
export function parseQuantizerConfig(value: unknown): QuantizerConfig {
  const definition = definitionOf(value);
  try {
    return definition.parse(value);
  } catch (error) {
    throw (error instanceof ConfigError && misplacedOption(definition, Object(value))) || error;
  }
}

/** Says of an option that this kind has not which kinds have it; undefined where there is none such. */
function misplacedOption(
  { kind }: QuantizerDefinition,
  given: Readonly<Record<string, unknown>>,
): ConfigError | undefined {
  for (const name of Object.keys(given).filter((each) => each !== "kind" && !takesOption(kind, each))) {
    // In the order in which kinds are registered, the plainest first.
    const having = [...definitions.keys()].filter((each) => takesOption(each, name));
    const [first] = having;
    if (first === undefined) continue;
    const kinds = [...having].sort().join(" or ");
    return new ConfigError(
      `quantizer.${name}`,
      `expected ${kinds}, the only kind${having.length === 1 ? "" : "s"} with it, got ${kind}. Choose ${first} (option quantizer), or leave it out.`,
    );
  }
  return undefined;
}

/**
 * Builds a quantizer. The same configuration and seed give the same bytes.
 *
 * @param config an object with `kind` and that kind's options
 * @throws ConfigError at `quantizer.kind` or `quantizer.<option>`
 */
export function createQuantizer(config: unknown, seed: number): Quantizer {
  return buildQuantizer(parseQuantizerConfig(config), seed);
}

/**
 * As `createQuantizer`, from what `parseQuantizerConfig` returned: it is not parsed again.
 *
 * @param seed null where all of its variables are assigned next: its tables are not drawn then
 */
export function buildQuantizer(config: QuantizerConfig, seed: number | null): Quantizer {
  const random = seed === null ? Random.blank() : new Random(seed, "quantizer");
  return definitionOf(config).create(config, random);
}

/**
 * Builds a quantizer that is a part of another one, and draws from that one's stream.
 *
 * @param config as `parseQuantizerConfig` returned it
 * @throws ConfigError for one that draws what it quantizes by, which quantizers of several do not pass on
 */
export function createMember(config: QuantizerConfig, random: Random): Quantizer {
  const member = definitionOf(config).create(config, random);
  // What replaces dead codes is drawn apart, and passed on. Of a quantizer that has estimators its own is missing where it looks at the whole table.
  const needsTable = member.estimators !== undefined && member.estimator === undefined;
  if (member.trainingInputs === undefined && !needsTable) return member;
  member.dispose();
  throw new ConfigError(
    "quantizer.quantizer",
    `expected a member that trains as it evaluates, got "${config.kind}" with noise, or with a gradient through all codes. Leave these out.`,
  );
}

/**
 * Builds a quantizer all of whose variables are assigned next: its tables are not drawn.
 *
 * @throws as `createQuantizer`
 */
export function createBlankQuantizer(config: unknown): Quantizer {
  return buildQuantizer(parseQuantizerConfig(config), null);
}

/**
 * What a person should know before training with this configuration; one sentence each, often none.
 *
 * @param config as `parseQuantizerConfig` returned it
 */
export function quantizerWarnings(config: QuantizerConfig): string[] {
  return definitionOf(config).warnings?.(config) ?? [];
}

/**
 * What a configuration says of its quantizer.
 *
 * @param config as config.json has it, not yet trusted
 * @returns null for a kind that is not registered or does not say, and for options that it does not take
 */
export function quantizerFacts(config: unknown): QuantizerFacts | null {
  try {
    const definition = definitionOf(config);
    return definition.facts?.(definition.parse(config)) ?? null;
  } catch (error) {
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

/**
 * What the kind of a configuration recommends for it.
 *
 * @param config an object with `kind` and that kind's options
 * @returns null where nothing is recommended, and for a configuration that has decided any of it, or goes another way
 */
export function recommendationFor(config: Readonly<Record<string, unknown>>): Recommendation | null {
  const recommended = undecidedRecommendation(config);
  if (recommended === null) return null;
  try {
    parseQuantizerConfig({ ...config, ...recommended.options });
    return recommended;
  } catch (error) {
    // It has an option that the recommended parts do not read, or a mistake that is told elsewhere.
    if (error instanceof ConfigError) return null;
    throw error;
  }
}

/** The same, where the recommended options may yet contradict others that the configuration has. */
export function undecidedRecommendation(config: Readonly<Record<string, unknown>>): Recommendation | null {
  const { recommended } = definitions.get(String(config.kind)) ?? {};
  if (recommended === undefined) return null;
  const { where, options } = recommended;
  if (Object.keys(options).some((name) => config[name] !== undefined)) return null;
  if (Object.entries(where).some(([name, value]) => (config[name] ?? value) !== value)) return null;
  return recommended;
}

/** Whether a kind has an option of that name; false for a kind that is not registered. */
export function takesOption(kind: string, option: string): boolean {
  return definitions.get(kind)?.options.some(({ name }) => name === option) ?? false;
}

/** A registered kind, for listings. */
export interface QuantizerDescription {
  readonly kind: string;
  readonly summary: string;
  readonly paper?: Paper;
  readonly options: readonly QuantizerOption[];
}

/** Every registered kind, sorted by name. */
export function describeQuantizers(): QuantizerDescription[] {
  return quantizerKinds().map((name) => {
    const { kind, summary, paper, options } = definitionOf({ kind: name });
    return { kind, summary, options, ...(paper === undefined ? {} : { paper }) };
  });
}

/** Tells the nearest name; of a method that is not here, what comes nearest to it. */
function unknownKind(kind: string): string {
  const known = quantizerKinds();
  const absent = ourWordFor(kind, known) === undefined ? nearestToAbsent(kind) : undefined;
  if (absent === undefined) return unknownName("quantizer", kind, known);
  return `Unknown quantizer "${kind}". Known: ${known.join(", ")}. ${absent}`;
}

function definitionOf(config: unknown): QuantizerDefinition {
  if (typeof config !== "object" || config === null || Array.isArray(config)) {
    throw new ConfigError("quantizer", `expected an object with kind, got ${JSON.stringify(config)}.`);
  }
  const kind = (config as { kind?: unknown }).kind;
  if (typeof kind !== "string") {
    const known = quantizerKinds().map((name) => `"${name}"`);
    throw new ConfigError("quantizer.kind", `expected ${known.join(" or ")}, got ${JSON.stringify(kind)}.`);
  }
  const definition = definitions.get(kind);
  if (definition === undefined) {
    throw new ConfigError("quantizer.kind", unknownKind(kind));
  }
  return definition;
}
