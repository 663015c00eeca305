/**
 * Product quantization: the channels in groups, one quantizer for each.
 *
 * Jégou et al. 2011, https://doi.org/10.1109/TPAMI.2010.57; in networks as the groups of wav2vec 2.0, HiFi-Codec
 * (https://arxiv.org/abs/2305.02765) and others. Each loss is the mean over all channels, as if it were one quantizer's.
 *
 * Shapes: groups of 2, 2 and 1 numbers take latents [8, 16, 12, 5] to indices [8, 16, 12, 3].
 */

import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { ConfigError } from "../../core/errors.js";
import type { Random } from "../../core/random.js";
import type { Tensor2D, Tensor4D, Variable } from "../../tf/index.js";
import { hasCodes } from "../all-codes.js";
import type { QuantizerDefinition } from "../definition.js";
import type { GradientEstimator } from "../gradients/estimator.js";
import type { OnnxQuantizer } from "../onnx/onnx-quantizer.js";
import { describeOptions } from "../options.js";
import type {
  InitializationOptions,
  Pruning,
  Quantizer,
  QuantizerConfig,
  QuantizerOutput,
} from "../quantizer.js";
import { takesOption } from "../registry.js";
import { checkIndices, checkLatents } from "../shapes.js";
import { tf } from "../tfjs.js";
import { memberFacts } from "./member-facts.js";
import { type MemberLatents, memberReplacement } from "./member-replacement.js";
import {
  createMembers,
  initializeInTurn,
  lossWeightsOf,
  MAX_CODEBOOKS,
  meanLosses,
  memberCodes,
  memberConfigs,
  memberOptions,
  memberPruning,
  memberVariables,
  parseMembers,
  splitIndices,
  totalCodebooks,
} from "./members.js";
import { groupedGraph } from "./residual-graph.js";

/** The resolved options of a grouped quantizer. */
export type GroupedConfig = QuantizerConfig & { readonly kind: "grouped" } & (
    | { readonly groups: number; readonly quantizer: QuantizerConfig; readonly quantizers?: never }
    | {
        readonly quantizers: readonly QuantizerConfig[];
        readonly quantizer?: never;
        readonly groups?: never;
      }
  );

/** The kind `grouped`. */
export class GroupedQuantizer implements Quantizer {
  readonly config: GroupedConfig;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  readonly codeDim: number;
  readonly lossWeights: Readonly<Record<string, number>>;
  readonly latentsForInitialization: number;
  readonly repeatable: boolean;
  readonly estimator?: GradientEstimator;
  readonly estimators?: Readonly<Record<string, GradientEstimator>>;
  readonly codesOf?: (codebook: number) => Tensor2D;
  readonly pruning?: Pruning;
  readonly onnx?: () => Promise<OnnxQuantizer>;
  readonly replacementInputs?: NonNullable<Quantizer["replacementInputs"]>;
  readonly replaceDeadCodes?: NonNullable<Quantizer["replaceDeadCodes"]>;
  readonly #members: readonly Quantizer[];
  /** Channels of each group. */
  readonly #sizes: number[];

  /** @param members one a group, each of K codes; they belong to the result */
  constructor(config: GroupedConfig, members: readonly [Quantizer, ...Quantizer[]]) {
    this.config = config;
    this.codebookSize = members[0].codebookSize;
    this.numCodebooks = totalCodebooks(members);
    this.#sizes = members.map(({ codeDim }) => codeDim);
    this.codeDim = this.#sizes.reduce((sum, size) => sum + size);
    this.lossWeights = lossWeightsOf(members);
    this.latentsForInitialization = Math.max(...members.map((each) => each.latentsForInitialization));
    this.repeatable = members.every(({ repeatable }) => repeatable === true);
    const own = members.flatMap(({ estimator }) => (estimator === undefined ? [] : [estimator]));
    if (own.length === members.length) this.estimator = this.#sideBySide(own);
    const estimators = this.#commonEstimators(members);
    if (estimators !== undefined) this.estimators = estimators;
    const pruning = memberPruning(members, (quantizers) => ({ kind: config.kind, quantizers }));
    if (pruning !== undefined) this.pruning = pruning;
    if (members.every(hasCodes)) this.codesOf = (codebook) => memberCodes(members, codebook);
    if (members.every(({ onnx }) => onnx !== undefined)) this.onnx = () => groupedGraph(members);
    Object.assign(
      this,
      memberReplacement(members, (latents, indices) => this.#given(latents, indices)),
    );
    this.#members = members;
  }

  quantize(latents: Tensor4D): QuantizerOutput {
    checkLatents(latents, this.codeDim);
    return tf.tidy(() => {
      const groups = tf.split(latents, this.#sizes, 3);
      const outputs = this.#members.map((member, i) => member.quantize(groups[i] as Tensor4D));
      return {
        quantized: tf.concat(
          outputs.map(({ quantized }) => quantized),
          3,
        ),
        indices: tf.concat(
          outputs.map(({ indices }) => indices),
          3,
        ),
        losses: meanLosses(
          outputs.map(({ losses }) => losses),
          this.#sizes,
        ),
      };
    });
  }

  indicesToCodes(indices: Tensor4D): Tensor4D {
    checkIndices(indices, this.numCodebooks);
    return tf.tidy(() => {
      const parts = splitIndices(indices, this.#members);
      const codes = this.#members.map((member, i) => member.indicesToCodes(parts[i] as Tensor4D));
      return tf.concat(codes, 3);
    });
  }

  async initialize(latents: Tensor2D, options: InitializationOptions = {}): Promise<void> {
    if (this.latentsForInitialization === 0) return;
    const groups: Tensor2D[] = tf.split(latents, this.#sizes, 1); // [M, size] each
    try {
      await initializeInTurn(this.#members, options, (member, i, control) =>
        member.initialize(groups[i] as Tensor2D, control),
      );
    } finally {
      tf.dispose(groups);
    }
  }

  updateCodebook(latents: Tensor4D, indices: Tensor4D): void {
    checkLatents(latents, this.codeDim);
    checkIndices(indices, this.numCodebooks);
    tf.tidy(() => {
      for (const [i, given] of this.#given(latents, indices).entries()) {
        (this.#members[i] as Quantizer).updateCodebook(given.latents, given.indices);
      }
    });
  }

  /** Each group of channels, and its indices. */
  #given(latents: Tensor4D, indices: Tensor4D): MemberLatents[] {
    const groups = tf.split(latents, this.#sizes, 3);
    return splitIndices(indices, this.#members).map((chosen, i) => ({
      latents: groups[i] as Tensor4D,
      indices: chosen,
    }));
  }

  variables(): ReadonlyMap<string, Variable> {
    return memberVariables(this.#members);
  }

  dispose(): void {
    for (const member of this.#members) member.dispose();
  }

  /** One estimator for each group, on its channels. */
  #sideBySide(estimators: readonly GradientEstimator[]): GradientEstimator {
    return (latents, codes) =>
      tf.tidy(() => {
        const [z, q] = [tf.split(latents, this.#sizes, 1), tf.split(codes, this.#sizes, 1)];
        const made = estimators.map((estimate, i) => estimate(z[i] as Tensor2D, q[i] as Tensor2D));
        return tf.concat(made, 1);
      });
  }

  /** The estimators that every member has under one name. */
  #commonEstimators(members: readonly Quantizer[]): Readonly<Record<string, GradientEstimator>> | undefined {
    const all = members.flatMap(({ estimators }) => (estimators === undefined ? [] : [estimators]));
    if (all.length < members.length) return undefined;
    const names = Object.keys(all[0] ?? {}).filter((name) => all.every((each) => name in each));
    return Object.fromEntries(
      names.map((name) => [name, this.#sideBySide(all.map((each) => each[name] as GradientEstimator))]),
    );
  }
}

const DEFAULT_COUNT = 4;
const DEFAULT_DIM = 64;

const schema = z.strictObject({
  kind: z.literal("grouped"),
  groups: z
    .int()
    .min(1)
    .max(MAX_CODEBOOKS)
    .optional()
    .meta({ description: "groups of channels, one quantizer each", default: DEFAULT_COUNT }),
  ...memberOptions,
  codeDim: memberOptions.codeDim.meta({
    description: "numbers in the codes of all groups together (D), where the members do not say",
    default: DEFAULT_DIM,
  }),
});

function parse(value: unknown): GroupedConfig {
  const { kind, groups, codeDim, ...given } = parseConfig(schema, value, "quantizer");
  const { quantizer, quantizers } = given;
  const size = memberDim(codeDim, quantizers?.length ?? groups ?? DEFAULT_COUNT);
  // A member may have no such option (fsq has one channel a level): it is told only what was asked for.
  const takesSize = (quantizers ?? [quantizer ?? {}]).every(({ kind = "vq" }) =>
    takesOption(String(kind), "codeDim"),
  );
  const shared = codeDim === undefined && !takesSize ? {} : { codeDim: size };
  const count = { option: "groups", given: groups, default: DEFAULT_COUNT };
  const parsed = parseMembers({ ...given, ...shared }, count);
  const { members } = parsed;
  return members.quantizer === undefined ? { kind, ...members } : { kind, groups: parsed.count, ...members };
}

function memberDim(codeDim: number | undefined, groups: number): number {
  const size = (codeDim ?? DEFAULT_DIM) / groups;
  if (Number.isInteger(size)) return size;
  if (codeDim === undefined) return Math.ceil(size);
  throw new ConfigError(
    "quantizer.codeDim",
    `expected a multiple of the ${groups} groups, got ${codeDim}. Use ${groups * Math.ceil(size)}.`,
  );
}

function create(config: GroupedConfig, random: Random): GroupedQuantizer {
  return new GroupedQuantizer(config, createMembers(config, config.groups, random));
}

/** Product quantization. The resolved configuration has one member's configuration for all, or a list of them. */
export const grouped: QuantizerDefinition<GroupedConfig> = {
  kind: "grouped",
  summary: "Several codes a position: the channels in groups, one quantizer each",
  paper: {
    title: "HiFi-Codec: Group-residual Vector quantization for High Fidelity Audio Codec",
    arxiv: "2305.02765",
  },
  get options() {
    return describeOptions(schema);
  },
  parse,
  create,
  facts: (config) => {
    const configs = memberConfigs(config, config.groups);
    return memberFacts(configs, {
      codebook: `${configs.length} quantizers side by side, each of a group of channels.`,
      gradient: ({ gradient }) => `Group by group. ${gradient}`,
      mean: "mean over all channels",
    });
  },
};
