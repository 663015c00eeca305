import { ConfigError } from "../../core/errors.js";
import { fieldsOf } from "../../core/objects.js";
import { unknownName } from "../../core/suggest.js";
import type { ObjectiveCard, ObjectiveConfig, ObjectiveDefinition } from "./definition.js";

const definitions = new Map<string, ObjectiveDefinition>();

/**
 * Makes a kind of objective known to configurations, training and reports.
 *
 * @throws ConfigError when another definition has that kind; registering the same one again does nothing
 */
export function registerObjective<C extends ObjectiveConfig>(definition: ObjectiveDefinition<C>): void {
  const { kind } = definition;
  const present = definitions.get(kind);
  if (present !== undefined && present !== (definition as unknown)) {
    throw new ConfigError(
      "",
      `Objective "${kind}" is already registered with another definition. Rename one.`,
    );
  }
  definitions.set(kind, definition as unknown as ObjectiveDefinition);
}

/** The registered kinds, sorted. */
export function objectiveKinds(): string[] {
  return [...definitions.keys()].sort();
}

/**
 * Resolves a run's objectives: checks them and writes every default out.
 *
 * @param value a list of objects with `kind` and that kind's options, or of kinds; not yet trusted
 * @throws ConfigError at `objectives[i]`
 */
export function parseObjectives(value: unknown): ObjectiveConfig[] {
  if (!Array.isArray(value)) {
    throw new ConfigError("objectives", `expected a list of objectives, got ${JSON.stringify(value)}.`);
  }
  return value.map((each: unknown, i) => {
    const where = `objectives[${i}]`;
    const config = typeof each === "string" ? { kind: each } : each;
    return objectiveDefinition(config, where).parse(config, where);
  });
}

/** The definition of a configuration's kind. @throws ConfigError at `WHERE.kind` */
export function objectiveDefinition(config: unknown, where: string): ObjectiveDefinition {
  const { kind } = fieldsOf(config);
  if (typeof kind !== "string") {
    throw new ConfigError(where, `expected an object with kind, got ${JSON.stringify(config)}.`);
  }
  const definition = definitions.get(kind);
  if (definition === undefined) {
    throw new ConfigError(`${where}.kind`, unknownName("objective", kind, objectiveKinds()));
  }
  return definition;
}

/** What the loss card says of a run's objectives; of a kind that is not registered here, that it says nothing. */
export function objectiveCards(configs: unknown): ObjectiveCard[] {
  if (!Array.isArray(configs)) return [];
  return configs.flatMap((config: unknown): readonly ObjectiveCard[] => {
    const { kind } = fieldsOf(config);
    const definition = definitions.get(String(kind));
    if (definition !== undefined) return definition.card(config as ObjectiveConfig);
    const unknown = "see the code of the module that registers it";
    return [{ loss: String(kind), weight: null, formula: unknown, moves: unknown, leaves: unknown }];
  });
}
