/** The options that every vector quantizer shares, and how a kind picks its part of the grid. */
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { ConfigError } from "../../core/errors.js";
import type { Paper, QuantizerDefinition } from "../definition.js";
import { describeOptions } from "../options.js";
import {
  type CodebookName,
  type GradientName,
  type Initialization,
  VectorQuantizer,
  type VectorQuantizerConfig,
} from "../vector-quantizer.js";

export interface VectorKind {
  readonly kind: string;
  readonly summary: string;
  readonly paper: Paper;
  /** The codebooks and gradients this kind allows, its default first. */
  readonly codebooks: readonly [CodebookName, ...CodebookName[]];
  readonly gradients: readonly [GradientName, ...GradientName[]];
  readonly initialization: Initialization;
}

/** The definition of one point, or region, of the grid codebook × gradient. */
export function vectorKind(kind: VectorKind): QuantizerDefinition<VectorQuantizerConfig> {
  const schema = vectorSchema(kind);
  return {
    kind: kind.kind,
    summary: kind.summary,
    paper: kind.paper,
    options: describeOptions(schema),
    parse: (value) => withDependentDefaults(parseConfig(schema, value, "quantizer")),
    create: (config, random) => new VectorQuantizer(config, random),
  };
}

interface Dependent {
  readonly schema: z.ZodType;
  readonly default: number | boolean;
  readonly axis: "codebook" | "gradient";
  readonly values: readonly string[];
}

/** Options that only some parts read: elsewhere they are errors, so that none is declared and ignored. */
const DEPENDENT: Readonly<Record<string, Dependent>> = {
  codebookWeight: {
    schema: z.number().min(0).describe("weight of the codebook loss, mean of (sg z - q)^2"),
    default: 1,
    axis: "codebook",
    values: ["free", "linear"],
  },
  emaDecay: {
    schema: z.number().min(0).lt(1).describe("share of the running means kept at each update (gamma)"),
    default: 0.99,
    axis: "codebook",
    values: ["ema"],
  },
  emaEpsilon: {
    schema: z.number().gt(0).describe("Laplace smoothing of the running counts (epsilon)"),
    default: 1e-5,
    axis: "codebook",
    values: ["ema"],
  },
  linearBias: {
    schema: z.boolean().describe("whether the linear layer has a bias"),
    default: true,
    axis: "codebook",
    values: ["linear"],
  },
  radialGradient: {
    schema: z.boolean().describe("keep the gradient along the latent; false repeats the paper's VQGAN files"),
    default: true,
    axis: "gradient",
    values: ["rotation"],
  },
};

function vectorSchema({ kind, codebooks, gradients, initialization }: VectorKind) {
  const allowed = { codebook: codebooks as readonly string[], gradient: gradients as readonly string[] };
  const dependent = Object.entries(DEPENDENT)
    .filter(([, option]) => option.values.some((value) => allowed[option.axis].includes(value)))
    .map(([name, option]) => [name, option.schema.optional().meta(dependentMeta(option))] as const);
  return z.strictObject({
    kind: z.literal(kind),
    codebookSize: z
      .int()
      .min(1)
      .max(2 ** 24)
      .default(1024)
      .describe("codes in the codebook (K)"),
    codeDim: z.int().min(1).default(64).describe("numbers in a code (D)"),
    codebook: z.enum(codebooks).default(codebooks[0]).describe("how the codebook is held and learns"),
    gradient: z.enum(gradients).default(gradients[0]).describe("how the gradient passes the quantizer"),
    initialization: z
      .enum(["uniform", "normal", "kmeans", "data"])
      .default(initialization)
      .describe("the first codes: U(-1/K,1/K), N(0,1/D), k-means centres or samples of the first latents"),
    commitmentWeight: z.number().min(0).default(0.25).describe("weight of the commitment loss (beta)"),
    ...(Object.fromEntries(dependent) as Record<never, z.ZodType>),
  });
}

function dependentMeta({ schema, default: value, axis, values }: Dependent) {
  return { description: `${schema.description} (with ${axis} ${values.join(" or ")})`, default: value };
}

function withDependentDefaults(parsed: z.output<ReturnType<typeof vectorSchema>>): VectorQuantizerConfig {
  const config: Record<string, unknown> = { ...parsed };
  for (const [name, option] of Object.entries(DEPENDENT)) {
    if (option.values.includes(parsed[option.axis])) config[name] ??= option.default;
    else if (config[name] !== undefined) {
      const needed = option.values.map((value) => `"${value}"`).join(" or ");
      throw new ConfigError(
        `quantizer.${name}`,
        `expected nothing, for ${option.axis} is "${parsed[option.axis]}" and only ${needed} reads it. Remove it.`,
      );
    }
  }
  return config as unknown as VectorQuantizerConfig;
}
