import { ConfigError } from "../../core/errors.js";
import { fieldsOf, isObject } from "../../core/objects.js";
import { unknownName } from "../../core/suggest.js";
import type {
  ObjectiveCard,
  ObjectiveConfig,
  ObjectiveDefinition,
  ObjectiveDescription,
  ObjectiveMaker,
} from "./definition.js";
import { ourDescriptions } from "./ours.js";

/** Of all kinds, ours first. */
const descriptions = new Map<string, ObjectiveDescription>(ourDescriptions.map((each) => [each.kind, each]));
/** Of those that were registered. */
const makers = new Map<string, ObjectiveMaker>();

/**
 * Makes a kind of objective known to configurations, training and reports.
 *
 * @throws ConfigError when another definition has that kind; registering the same one again does nothing
 */
export function registerObjective<C extends ObjectiveConfig>(definition: ObjectiveDefinition<C>): void {
  const { kind } = definition;
  const present = descriptions.get(kind);
  if (present !== undefined && present !== (definition as unknown)) {
    throw new ConfigError(
      "",
      `Objective "${kind}" is already registered with another definition. Rename one.`,
    );
  }
  descriptions.set(kind, definition as unknown as ObjectiveDefinition);
  makers.set(kind, definition as unknown as ObjectiveDefinition);
}

/** All kinds, sorted. */
export function objectiveKinds(): string[] {
  return [...descriptions.keys()].sort();
}

/**
 * Resolves a run's objectives: checks them and writes every default out.
 *
 * @param value a list of objects with `kind` and that kind's options, or of kinds; or an object of options by kind, in
 * which null leaves a kind out; not yet trusted
 * @throws ConfigError at `objectives[i]` or `objectives.KIND`
 */
export function parseObjectives(value: unknown): ObjectiveConfig[] {
  if (isObject(value)) return Object.entries(value).flatMap(([kind, options]) => parseKind(kind, options));
  if (!Array.isArray(value)) {
    throw new ConfigError("objectives", `expected a list of objectives, got ${JSON.stringify(value)}.`);
  }
  return value.map((each: unknown, i) =>
    parsed(typeof each === "string" ? { kind: each } : each, `objectives[${i}]`),
  );
}

function parseKind(kind: string, options: unknown): ObjectiveConfig[] {
  const where = `objectives.${kind}`;
  if (options === null) return [];
  if (!isObject(options)) {
    throw new ConfigError(where, `expected options by name, or null, got ${JSON.stringify(options)}.`);
  }
  return [parsed({ ...options, kind }, where)];
}

function parsed(config: unknown, where: string): ObjectiveConfig {
  return objectiveDescription(config, where).parse(config, where);
}

/** What is known of a configuration's kind. @throws ConfigError at `WHERE.kind` */
export function objectiveDescription(config: unknown, where: string): ObjectiveDescription {
  const { kind } = fieldsOf(config);
  if (typeof kind !== "string") {
    throw new ConfigError(where, `expected an object with kind, got ${JSON.stringify(config)}.`);
  }
  const description = descriptions.get(kind);
  if (description === undefined) {
    throw new ConfigError(`${where}.kind`, unknownName("objective", kind, objectiveKinds()));
  }
  return description;
}

/** What makes a kind that was registered. @throws ConfigError at `WHERE.kind` */
export function registeredMaker({ kind }: ObjectiveConfig, where: string): ObjectiveMaker {
  const maker = makers.get(kind);
  if (maker !== undefined) return maker;
  throw new ConfigError(`${where}.kind`, unknownName("objective", kind, objectiveKinds()));
}

/** What the loss card says of a run's objectives; of a kind that is not known here, that it says nothing. */
export function objectiveCards(configs: unknown): ObjectiveCard[] {
  if (!Array.isArray(configs)) return [];
  return configs.flatMap((config: unknown): readonly ObjectiveCard[] => {
    const { kind } = fieldsOf(config);
    const description = descriptions.get(String(kind));
    if (description !== undefined) return description.card(config as ObjectiveConfig);
    const unknown = "see the code of the module that registers it";
    return [{ loss: String(kind), weight: null, formula: unknown, moves: unknown, leaves: unknown }];
  });
}
