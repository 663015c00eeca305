import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { withoutUndefined } from "../core/objects.js";
import {
  type AutoencoderConfig,
  activations,
  decoderNorms,
  downKinds,
  downsamplingFactors,
  modelLayouts,
  pixelRanges,
  quantConvolutions,
  upKinds,
} from "./config-fields.js";
import { type ModelPresetName, modelPresetNames, presets } from "./presets.js";

const count = z.int().min(0);
const size = z.int().min(1);
/** One number for every stage alike, or one per stage. */
const perStage = z.union([count, z.array(count)], {
  error: "expected an integer >= 0, or a list with one per stage",
});

const fields = z.strictObject({
  /** Where every field that is not given comes from. */
  preset: z.enum(modelPresetNames).default("small"),
  layout: z.enum(modelLayouts).optional(),
  downsamplingFactor: z.literal(downsamplingFactors).optional(),
  waveletPatch: z.literal([1, 2, 4]).optional(),
  baseWidth: size.optional(),
  inputWidth: size.nullable().optional(),
  widthMultipliers: z.array(size).optional(),
  residualBlocks: perStage.optional(),
  decoderBlocks: perStage.optional(),
  attentionStages: z.array(count).optional(),
  decoderAttentionStages: z.array(count).optional(),
  middleBlocks: count.optional(),
  middleAttention: z.boolean().optional(),
  latentChannels: size.optional(),
  quantConvolution: z.enum(quantConvolutions).optional(),
  activation: z.enum(activations).optional(),
  groupNorm: z.boolean().optional(),
  normGroups: size.optional(),
  normEpsilon: z.number().positive().optional(),
  decoderNorm: z.enum(decoderNorms).optional(),
  down: z.enum(downKinds).optional(),
  up: z.enum(upKinds).optional(),
  shortcut: z.enum(["input", "output"]).optional(),
  encoderOutKernel: z.literal([1, 3]).optional(),
  inputBias: z.boolean().optional(),
  blockBias: z.boolean().optional(),
  pixelRange: z.enum(pixelRanges).optional(),
  decoder: z.boolean().optional(),
});

/**
 * A model as a person writes it: a preset and whatever differs from it. Parses to a complete `AutoencoderConfig`,
 * which itself parses to an equal one. When only `downsamplingFactor` differs, the preset supplies widths and blocks
 * for that number of stages. Inside a larger schema use `.prefault({})` to make it optional.
 */
export const autoencoderConfigSchema = fields.transform((options, context): AutoencoderConfig => {
  const config = completed(options);
  for (const [path, message] of problems(config)) context.addIssue({ code: "custom", path: [path], message });
  return config;
});

/** What a caller may write; every field has a default. */
export type ModelOptions = z.input<typeof autoencoderConfigSchema>;

/** Times that a model halves its grid by convolutions: what the wavelets leave of the downsampling factor. */
export function halvings({
  downsamplingFactor,
  waveletPatch,
}: Pick<AutoencoderConfig, "downsamplingFactor" | "waveletPatch">): number {
  return Math.log2(downsamplingFactor / waveletPatch);
}

function completed({ preset: name, ...given }: z.output<typeof fields>): AutoencoderConfig {
  const { ladder, blocks, attention, ...preset } = presets[name];
  const own = withoutUndefined(given);
  const base = { ...preset, ...(own as Partial<AutoencoderConfig>) };
  const isFullSize = base.layout === "full-size";
  // As many stages as there are widths, where these are given.
  const widthMultipliers =
    given.widthMultipliers ?? ladder(Math.max(0, halvings(base)) + (isFullSize ? 1 : 0));
  const stages = widthMultipliers.length;
  const spread = (values: number | readonly number[]): readonly number[] =>
    typeof values === "number" ? Array<number>(stages).fill(values) : values;
  const residualBlocks = spread(given.residualBlocks ?? blocks(stages));
  const attentionStages = given.attentionStages ?? attention(stages);
  return inOrder({
    ...base,
    widthMultipliers,
    residualBlocks,
    decoderBlocks: spread(
      given.decoderBlocks ?? (isFullSize ? residualBlocks.map((each) => each + 1) : residualBlocks),
    ),
    attentionStages,
    decoderAttentionStages: given.decoderAttentionStages ?? attentionStages,
  });
}

/** The fields in one order, however they were given: a configuration that is resolved again is saved as the same bytes. */
function inOrder(config: AutoencoderConfig): AutoencoderConfig {
  const known = config as unknown as Readonly<Record<string, unknown>>;
  const names = Object.keys(fields.shape).filter((name) => name in known);
  return Object.fromEntries(names.map((name) => [name, known[name]])) as unknown as AutoencoderConfig;
}

/** What is wrong with a configuration besides the types of its fields: the field, and what was expected. */
function* problems(config: AutoencoderConfig): Generator<readonly [keyof AutoencoderConfig, string]> {
  const { layout, downsamplingFactor, waveletPatch, inputWidth, groupNorm, decoderNorm, down } = config;
  const isStrided = layout === "strided";
  const least = isStrided ? 1 : 0;
  if (halvings(config) < least) {
    const most = downsamplingFactor / 2 ** least;
    yield [
      "waveletPatch",
      `expected at most ${most} with downsamplingFactor ${downsamplingFactor}, got ${waveletPatch}.`,
    ];
    return;
  }
  yield* problemsOfStages(config);
  if (isStrided && inputWidth !== null) {
    yield [
      "inputWidth",
      `expected null in layout "strided", which has no input convolution, got ${inputWidth}.`,
    ];
  }
  if (isStrided && down === "average") {
    yield [
      "down",
      'expected a convolution in layout "strided", which changes widths with it, got "average".',
    ];
  }
  if (!groupNorm && decoderNorm !== "group") {
    yield [
      "decoderNorm",
      `expected "group" in a model without norms (groupNorm false), got "${decoderNorm}".`,
    ];
  }
}

function* problemsOfStages(config: AutoencoderConfig): Generator<readonly [keyof AutoencoderConfig, string]> {
  const { layout, downsamplingFactor, widthMultipliers } = config;
  const [stages, needed] = [widthMultipliers.length, halvings(config)];
  const perHalving = `one per halving of downsamplingFactor ${downsamplingFactor}`;
  if (layout === "strided" && stages !== needed) {
    yield ["widthMultipliers", `expected ${entries(needed)}, ${perHalving}, got ${stages}.`];
    return;
  }
  if (layout === "full-size" && stages <= needed) {
    yield [
      "widthMultipliers",
      `expected at least ${entries(needed + 1)}, one and ${perHalving}, got ${stages}.`,
    ];
    return;
  }
  for (const field of ["residualBlocks", "decoderBlocks"] as const) {
    const { length } = config[field];
    const each = layout === "strided" ? perHalving : "one per entry of widthMultipliers";
    if (length !== stages) yield [field, `expected ${entries(stages)}, ${each}, got ${length}.`];
  }
  for (const field of ["attentionStages", "decoderAttentionStages"] as const) {
    const found = config[field];
    const wrong = found.find((stage, i) => stage >= stages || found.indexOf(stage) < i);
    if (wrong !== undefined) yield [field, `expected stages 0..${stages - 1}, each once, got ${wrong}.`];
  }
}

function entries(wanted: number): string {
  return `${wanted} ${wanted === 1 ? "entry" : "entries"}`;
}

/**
 * Fills a model's options in from its preset.
 *
 * @param options `ModelOptions`, not yet trusted
 * @param where names the options in messages
 * @throws ConfigError that names the offending field
 */
export function resolveModel(options: unknown, where = "model"): AutoencoderConfig {
  return parseConfig(autoencoderConfigSchema, options, where);
}

/** Each preset, resolved at its own downsampling factor. */
export const modelPresets = Object.fromEntries(
  modelPresetNames.map((preset) => [preset, resolveModel({ preset })]),
) as Readonly<Record<ModelPresetName, AutoencoderConfig>>;
