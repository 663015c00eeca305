/**
 * Residual quantization: each member quantizes what the earlier ones left, and the code is the sum of theirs.
 *
 * Zeghidour et al. 2021 (SoundStream), https://arxiv.org/abs/2107.03312, algorithm 1; for images Lee et al. 2022,
 * https://arxiv.org/abs/2203.01941. With r_0 = z: member i chooses q_i for r_i, and r_{i+1} = r_i − sg(q_i).
 *
 * Each loss is the mean over members of their own, member i's on r_i. The gradient passes once, from the sum of the
 * codes to z by the first member's estimator: where every member passes its own, as in vector-quantize-pytorch 1.32
 * with its defaults, the encoder is given the decoder's gradient times the number of members.
 *
 * Shapes: 3 members of 5 numbers take latents [8, 16, 12, 5] to indices [8, 16, 12, 3].
 */

import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import type { Random } from "../../core/random.js";
import type { Tensor, Tensor2D, Tensor4D, Variable } from "../../tf/index.js";
import { hasCodes } from "../all-codes.js";
import type { QuantizerDefinition } from "../definition.js";
import { gradientEstimators } from "../family/parts.js";
import type { GradientEstimator } from "../gradients/estimator.js";
import { stopGradient } from "../gradients/stop-gradient.js";
import { straightThrough } from "../gradients/straight-through.js";
import type { OnnxQuantizer } from "../onnx/onnx-quantizer.js";
import { describeOptions } from "../options.js";
import type {
  InitializationOptions,
  Pruning,
  Quantizer,
  QuantizerConfig,
  QuantizerOutput,
  TrainingInputs,
} from "../quantizer.js";
import { checkIndices, checkLatents } from "../shapes.js";
import { tf } from "../tfjs.js";
import { memberFacts } from "./member-facts.js";
import { type MemberLatents, memberReplacement } from "./member-replacement.js";
import {
  checkShared,
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
  pathOf,
  splitIndices,
  totalCodebooks,
} from "./members.js";
import { dropoutInputs, dropoutSentence, quantizerDropout, shownParts } from "./quantizer-dropout.js";
import { residualGraph } from "./residual-graph.js";

/** The resolved options of a residual quantizer. */
export type ResidualConfig = QuantizerConfig & {
  readonly kind: "residual";
  /** 0..1. */
  readonly quantizerDropout: number;
} & (
    | { readonly numQuantizers: number; readonly quantizer: QuantizerConfig; readonly quantizers?: never }
    | {
        readonly quantizers: readonly QuantizerConfig[];
        readonly quantizer?: never;
        readonly numQuantizers?: never;
      }
  );

/** The kind `residual`. */
export class ResidualQuantizer implements Quantizer {
  readonly config: ResidualConfig;
  readonly codebookSize: number;
  readonly numCodebooks: number;
  readonly codeDim: number;
  readonly lossWeights: Readonly<Record<string, number>>;
  readonly latentsForInitialization: number;
  readonly repeatable: boolean;
  readonly estimator: GradientEstimator;
  readonly estimators?: Readonly<Record<string, GradientEstimator>>;
  readonly codesOf?: (codebook: number) => Tensor2D;
  readonly pruning?: Pruning;
  readonly onnx?: () => Promise<OnnxQuantizer>;
  readonly trainingInputs?: NonNullable<Quantizer["trainingInputs"]>;
  readonly replacementInputs?: NonNullable<Quantizer["replacementInputs"]>;
  readonly replaceDeadCodes?: NonNullable<Quantizer["replaceDeadCodes"]>;
  readonly #members: readonly Quantizer[];

  /** @param members each of D numbers and K codes; they belong to the result */
  constructor(config: ResidualConfig, members: readonly [Quantizer, ...Quantizer[]]) {
    const [first] = members;
    this.config = config;
    this.codebookSize = first.codebookSize;
    this.numCodebooks = totalCodebooks(members);
    this.codeDim = first.codeDim;
    this.lossWeights = lossWeightsOf(members);
    this.latentsForInitialization = Math.max(...members.map((each) => each.latentsForInitialization));
    this.repeatable = members.every(({ repeatable }) => repeatable === true);
    this.estimator = first.estimator ?? straightThrough;
    if (members.every(({ estimators }) => estimators !== undefined)) this.estimators = gradientEstimators;
    const pruning = memberPruning(members, (quantizers) => ({
      kind: config.kind,
      quantizerDropout: config.quantizerDropout,
      quantizers,
    }));
    if (pruning !== undefined) this.pruning = pruning;
    if (members.every(hasCodes)) this.codesOf = (codebook) => memberCodes(members, codebook);
    if (members.every(({ onnx }) => onnx !== undefined)) this.onnx = () => residualGraph(members);
    const draw = dropoutInputs(config.quantizerDropout, members.length);
    if (draw !== undefined) this.trainingInputs = draw;
    Object.assign(
      this,
      memberReplacement(members, (latents, indices) => this.#given(latents, indices)),
    );
    this.#members = members;
  }

  quantize(latents: Tensor4D, training?: TrainingInputs): QuantizerOutput {
    checkLatents(latents, this.codeDim);
    return tf.tidy(() => {
      const indices: Tensor4D[] = [];
      const losses: QuantizerOutput["losses"][] = [];
      const codes: Tensor4D[] = [];
      let residual = latents;
      for (const member of this.#members) {
        const output = member.quantize(residual);
        const chosen = member.indicesToCodes(output.indices);
        indices.push(output.indices);
        losses.push(output.losses);
        codes.push(chosen);
        residual = tf.sub(residual, stopGradient(chosen));
      }
      return {
        quantized: this.#estimate(latents, sumOf(shownParts(codes, training))),
        indices: tf.concat(indices, 3),
        losses: meanLosses(losses),
      };
    });
  }

  #estimate(latents: Tensor4D, codes: Tensor4D): Tensor4D {
    const flat = (tensor: Tensor4D): Tensor2D => tf.reshape(tensor, [-1, this.codeDim]); // [M, D]
    return tf.reshape(this.estimator(flat(latents), flat(codes)), latents.shape);
  }

  indicesToCodes(indices: Tensor4D): Tensor4D {
    checkIndices(indices, this.numCodebooks);
    return tf.tidy(() => {
      const parts = splitIndices(indices, this.#members);
      return sumOf(this.#members.map((member, i) => member.indicesToCodes(parts[i] as Tensor4D)));
    });
  }

  async initialize(latents: Tensor2D, options: InitializationOptions = {}): Promise<void> {
    if (this.latentsForInitialization === 0) return;
    let residual = tf.clone(latents); // [M, D]
    try {
      await initializeInTurn(this.#members, options, async (member, _, control) => {
        await member.initialize(residual, control);
        const left = tf.tidy(() => remainder(member, residual));
        residual.dispose();
        residual = left;
      });
    } finally {
      residual.dispose();
    }
  }

  updateCodebook(latents: Tensor4D, indices: Tensor4D): void {
    checkLatents(latents, this.codeDim);
    checkIndices(indices, this.numCodebooks);
    tf.tidy(() => {
      // Taken before any of them moves.
      for (const [i, given] of this.#given(latents, indices).entries()) {
        (this.#members[i] as Quantizer).updateCodebook(given.latents, given.indices);
      }
    });
  }

  /** What each member was given, by the codes that stand at its indices. */
  #given(latents: Tensor4D, indices: Tensor4D): MemberLatents[] {
    let residual = latents;
    return splitIndices(indices, this.#members).map((chosen, i) => {
      const given = { latents: residual, indices: chosen };
      if (i < this.#members.length - 1) {
        residual = tf.sub(residual, (this.#members[i] as Quantizer).indicesToCodes(chosen));
      }
      return given;
    });
  }

  variables(): ReadonlyMap<string, Variable> {
    return memberVariables(this.#members);
  }

  dispose(): void {
    for (const member of this.#members) member.dispose();
  }
}

/** In this order, the first two first: the only place that adds codes, so the round trip is exact. */
export function sumOf<T extends Tensor>(parts: readonly T[]): T {
  return parts.reduce((sum, part) => tf.add(sum, part));
}

/** What a member leaves of rows [M, D]. */
function remainder(member: Quantizer, rows: Tensor2D): Tensor2D {
  const latents: Tensor4D = tf.reshape(rows, [1, 1, ...rows.shape]);
  const codes = member.indicesToCodes(member.quantize(latents).indices);
  return tf.sub(rows, tf.reshape(codes, rows.shape));
}

const DEFAULT_COUNT = 4;

const schema = z.strictObject({
  kind: z.literal("residual"),
  numQuantizers: z
    .int()
    .min(1)
    .max(MAX_CODEBOOKS)
    .optional()
    .meta({ description: "members, each of what the earlier ones left", default: DEFAULT_COUNT }),
  ...memberOptions,
  codeDim: memberOptions.codeDim.describe("numbers in a code (D), where the members do not say"),
  quantizerDropout,
});

function parse(value: unknown): ResidualConfig {
  const { kind, numQuantizers, quantizerDropout, ...given } = parseConfig(schema, value, "quantizer");
  const count = { option: "numQuantizers", given: numQuantizers, default: DEFAULT_COUNT };
  const parsed = parseMembers(given, count);
  const { members } = parsed;
  return members.quantizer === undefined
    ? { kind, quantizerDropout, ...members }
    : { kind, numQuantizers: parsed.count, quantizerDropout, ...members };
}

function create(config: ResidualConfig, random: Random): ResidualQuantizer {
  const members = createMembers(config, config.numQuantizers, random);
  checkShared(members, pathOf(config), "codeDim");
  return new ResidualQuantizer(config, members);
}

/** Residual quantization. The resolved configuration has one member's configuration for all, or a list of them. */
export const residual: QuantizerDefinition<ResidualConfig> = {
  kind: "residual",
  summary:
    "Several codes a position: each quantizer of what the earlier ones left, and the sum of their codes",
  paper: { title: "SoundStream: An End-to-End Neural Audio Codec", arxiv: "2107.03312" },
  get options() {
    return describeOptions(schema);
  },
  parse,
  create,
  facts: (config) => {
    const configs = memberConfigs(config, config.numQuantizers);
    return memberFacts(configs, {
      codebook: `${configs.length} quantizers in turn, each of what the earlier ones left; the code is the sum of theirs.${dropoutSentence(config.quantizerDropout, "codes")}`,
      gradient: ({ gradient }) => `From the sum of the codes to the latent, once. ${gradient}`,
      mean: "mean over the quantizers, each with what it was given as z",
    });
  },
};
