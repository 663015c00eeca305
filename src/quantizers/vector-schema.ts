/** The options of a vector quantizer: those that all have, then those of the parts that a kind takes. */
import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { ConfigError } from "../core/errors.js";
import type { QuantizerOption } from "./definition.js";
import { describeOptions } from "./options.js";
import type { Part } from "./part.js";
import { type Initialization, initializations, type VectorQuantizerConfig } from "./vector-config.js";

const AXES = ["codebook", "gradient"] as const;
type Axis = (typeof AXES)[number];

/** The parts that a kind takes, its default first. */
export type Choices = Readonly<Record<Axis, readonly [Part, ...Part[]]>>;

export interface VectorSchemaOptions {
  readonly kind: string;
  readonly choices: Choices;
  readonly initialization: Initialization;
}

/** Parses and lists the options of one kind. */
export interface VectorSchema {
  /** @throws ConfigError at `quantizer.<option>` */
  readonly parse: (value: unknown) => VectorQuantizerConfig;
  readonly options: readonly QuantizerOption[];
}

/** An option and its default, which a part may have another of. */
interface Option {
  readonly schema: z.ZodDefault;
  /** The parts that read it; undefined where every vector quantizer does. */
  readonly readBy?: { readonly axis: Axis; readonly names: readonly string[] };
}

export function vectorSchema({ kind, choices, initialization }: VectorSchemaOptions): VectorSchema {
  const options: ReadonlyMap<string, Option> = new Map([
    ...Object.entries(commonOptions(choices, initialization)).map(([name, schema]): [string, Option] => [
      name,
      { schema },
    ]),
    ...AXES.flatMap((axis) => [...partOptions(axis, choices[axis])]),
  ]);
  const shape = [...options].map(([name, option]) => [name, optional(name, option, choices)] as const);
  const schema = z.strictObject({ kind: z.literal(kind), ...Object.fromEntries(shape) });
  return {
    parse: (value) => resolved(parseConfig(schema, value, "quantizer"), options, choices),
    get options() {
      return describeOptions(schema).map((option) => withChoices(option, choices));
    },
  };
}

function commonOptions({ codebook, gradient }: Choices, initialization: Initialization) {
  const names = (parts: readonly Part[]) => parts.map(({ name }) => name);
  return {
    codebookSize: z
      .int()
      .min(1)
      .max(2 ** 24)
      .default(1024)
      .describe("codes in the codebook (K)"),
    codeDim: z.int().min(1).default(64).describe("numbers in a code (D)"),
    codebook: z
      .enum(names(codebook))
      .default(codebook[0].name)
      .describe("how the codebook is held and learns"),
    gradient: z
      .enum(names(gradient))
      .default(gradient[0].name)
      .describe("how the gradient passes the quantizer"),
    initialization: z
      .enum(initializations)
      .default(initialization)
      .describe("the first codes: U(-1/K,1/K), N(0,1/D), k-means centres or samples of the first latents"),
    commitmentWeight: z.number().min(0).default(0.25).describe("weight of the commitment loss (beta)"),
  } satisfies Readonly<Record<string, z.ZodDefault>>;
}

/** The options of some parts, each with the names of those that read it. */
function partOptions(axis: Axis, parts: readonly Part[]): Map<string, Option> {
  const options = new Map<string, Option>();
  for (const part of parts) {
    for (const [name, schema] of Object.entries(part.options)) {
      const known = options.get(name);
      if (known !== undefined && known.schema !== schema) {
        throw new TypeError(`${part.name}: option ${name} has another schema than in an earlier part`);
      }
      options.set(name, { schema, readBy: { axis, names: [...(known?.readBy?.names ?? []), part.name] } });
    }
  }
  return options;
}

/** What stands for an option in the schema of a kind: defaults are filled in after it, for they depend on the parts. */
function optional(name: string, { schema, readBy }: Option, choices: Choices): z.ZodType {
  const needed = readBy === undefined ? "" : ` (with ${readBy.axis} ${readBy.names.join(" or ")})`;
  const others = AXES.flatMap((axis) =>
    choices[axis].flatMap(({ name: part, defaults = {} }) =>
      name in defaults ? [`; ${JSON.stringify(defaults[name])} with ${axis} ${part}`] : [],
    ),
  );
  return (schema.unwrap() as z.ZodType).optional().meta({
    description: `${schema.description}${needed}${others.join("")}`,
    default: schema.def.defaultValue,
  });
}

/** Writes every default out. Options that the chosen parts do not read are errors, so that none is ignored. */
function resolved(
  given: Readonly<Record<string, unknown>>,
  options: ReadonlyMap<string, Option>,
  choices: Choices,
): VectorQuantizerConfig {
  const chosen = (axis: Axis): Part =>
    choices[axis].find(({ name }) => name === given[axis]) ?? choices[axis][0];
  const parts = { codebook: chosen("codebook"), gradient: chosen("gradient") };
  const defaultOf = (name: string, { schema }: Option): unknown =>
    parts.gradient.defaults?.[name] ?? parts.codebook.defaults?.[name] ?? schema.def.defaultValue;
  const isRead = ({ readBy }: Option): boolean =>
    readBy === undefined || readBy.names.includes(parts[readBy.axis].name);

  const config: Record<string, unknown> = { kind: given.kind };
  // In one order whatever was given, so that a resolved configuration resolves to the same bytes.
  for (const [name, option] of options) {
    const { readBy } = option;
    if (isRead(option)) config[name] = given[name] ?? defaultOf(name, option);
    else if (given[name] !== undefined && readBy !== undefined) {
      throw unread(name, parts[readBy.axis].name, readBy);
    }
  }
  return config as unknown as VectorQuantizerConfig;
}

function unread(name: string, chosen: string, { axis, names }: NonNullable<Option["readBy"]>): ConfigError {
  const needed = names.map((each) => JSON.stringify(each)).join(" or ");
  return new ConfigError(
    `quantizer.${name}`,
    `expected nothing, for ${axis} is "${chosen}" and only ${needed} reads it. Remove it.`,
  );
}

/** Says of an option that picks a part what each choice is. */
function withChoices(option: QuantizerOption, choices: Choices): QuantizerOption {
  const axis = AXES.find((each) => each === option.name);
  if (axis === undefined) return option;
  return {
    ...option,
    choices: choices[axis].map(({ name, summary, paper }) => ({
      name,
      summary,
      ...(paper === undefined ? {} : { paper }),
    })),
  };
}
