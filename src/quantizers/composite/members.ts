/** Quantizers that are made of other quantizers: how their configurations nest, and what they have in common. */

import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { ConfigError } from "../../core/errors.js";
import { withoutUndefined } from "../../core/objects.js";
import type { Random } from "../../core/random.js";
import type { Scalar, Tensor2D, Tensor4D, Variable } from "../../tf/index.js";
import { allCodes } from "../all-codes.js";
import type {
  InitializationOptions,
  Pruning,
  Quantizer,
  QuantizerConfig,
  QuantizerOutput,
  StateValue,
} from "../quantizer.js";
import { createMember, parseQuantizerConfig } from "../registry.js";
import { tf } from "../tfjs.js";

/** The most codebooks of a position. */
export const MAX_CODEBOOKS = 256;

/** What a member is where nothing is said of it: the codebooks that residual quantizers were published with. */
const USUAL: QuantizerConfig = { kind: "vq", codebook: "ema", initialization: "kmeans" };

/** The options that every quantizer of several quantizers has besides how many there are. */
export const memberOptions = {
  quantizer: z
    .looseObject({})
    .optional()
    .describe(
      "the configuration of each member, kind and options (default: vq with moving averages and k-means)",
    ),
  quantizers: z
    .array(z.looseObject({}))
    .min(1)
    .max(MAX_CODEBOOKS)
    .optional()
    .describe("in its place: one configuration for each member, all of one codebook size"),
  codebookSize: z
    .int()
    .min(1)
    .max(2 ** 24)
    .optional()
    .meta({ description: "codes in each codebook (K), where the members do not say", default: 1024 }),
  codeDim: z.int().min(1).optional(),
};

/** The options as a person gives them. */
export interface GivenMembers {
  readonly quantizer?: Readonly<Record<string, unknown>> | undefined;
  readonly quantizers?: readonly Readonly<Record<string, unknown>>[] | undefined;
  readonly codebookSize?: number | undefined;
  /** Of a member. */
  readonly codeDim?: number | undefined;
}

/** Members as a resolved configuration has them: one configuration for all, or one for each. */
export type ResolvedMembers =
  | { readonly quantizer: QuantizerConfig; readonly quantizers?: never }
  | { readonly quantizers: readonly QuantizerConfig[]; readonly quantizer?: never };

/**
 * Resolves the members.
 *
 * @param count how many there are of `quantizer`, and the name of the option that says it
 * @throws ConfigError at `quantizer.quantizer.<option>`, `quantizer.quantizers[i].<option>` and the like
 */
export function parseMembers(
  given: GivenMembers,
  count: { readonly option: string; readonly given: number | undefined; readonly default: number },
): { readonly count: number; readonly members: ResolvedMembers } {
  const { quantizer, quantizers, ...common } = given;
  const shared = withoutUndefined(common);
  if (quantizers === undefined) {
    const member = parseMember({ ...shared, ...quantizer }, "quantizer.quantizer");
    return { count: count.given ?? count.default, members: { quantizer: member } };
  }
  for (const [option, value] of [["quantizer", quantizer] as const, [count.option, count.given] as const]) {
    if (value === undefined) continue;
    throw new ConfigError(
      `quantizer.${option}`,
      "expected nothing beside quantizers, which list them. Remove one.",
    );
  }
  const list = quantizers.map((each, i) => parseMember({ ...shared, ...each }, `quantizer.quantizers[${i}]`));
  const [first] = list as [QuantizerConfig, ...QuantizerConfig[]];
  const isUniform = list.every((each) => isDeepStrictEqual(each, first));
  return { count: list.length, members: isUniform ? { quantizer: first } : { quantizers: list } };
}

function parseMember(given: Readonly<Record<string, unknown>>, where: string): QuantizerConfig {
  try {
    return parseQuantizerConfig(given.kind === undefined ? { ...USUAL, ...given } : given);
  } catch (error) {
    if (!(error instanceof ConfigError) || !error.path.startsWith("quantizer")) throw error;
    const message = error.message.slice(error.path.length + 2);
    throw new ConfigError(where + error.path.slice("quantizer".length), message, { cause: error });
  }
}

/** The members in the configuration of what is made of them. */
export interface HasMembers {
  readonly quantizer?: QuantizerConfig;
  readonly quantizers?: readonly QuantizerConfig[];
}

/** One configuration for each member. @param count how many there are where all are alike */
export function memberConfigs(
  { quantizer, quantizers }: HasMembers,
  count: number | undefined,
): readonly QuantizerConfig[] {
  return quantizers ?? Array.from({ length: count ?? 0 }, () => quantizer as QuantizerConfig);
}

/** The option that lists the members, for messages. */
export function pathOf({ quantizers }: HasMembers): string {
  return quantizers === undefined ? "quantizer.quantizer" : "quantizer.quantizers";
}

/**
 * Builds the members, one after the other from one stream.
 *
 * @param count as for `memberConfigs`
 * @throws ConfigError where they differ in what they have to share: K, the names and weights of their losses
 */
export function createMembers(
  of: HasMembers,
  count: number | undefined,
  random: Random,
): [Quantizer, ...Quantizer[]] {
  const path = pathOf(of);
  const members: Quantizer[] = [];
  try {
    for (const config of memberConfigs(of, count)) members.push(createMember(config, random));
    checkShared(members, path, "codebookSize");
    checkWeights(members, path);
    const total = totalCodebooks(members);
    if (total > MAX_CODEBOOKS) {
      throw new ConfigError(path, `expected at most ${MAX_CODEBOOKS} codebooks in all, got ${total}.`);
    }
    return members as [Quantizer, ...Quantizer[]];
  } catch (error) {
    for (const member of members) member.dispose();
    throw error;
  }
}

/** @throws ConfigError where members differ in a number that they have to share */
export function checkShared(
  members: readonly Quantizer[],
  path: string,
  what: "codebookSize" | "codeDim",
): void {
  const values = members.map((member) => member[what]);
  const other = values.find((value) => value !== values[0]);
  if (other === undefined) return;
  throw new ConfigError(path, `expected members of one ${what}, got ${values[0]} and ${other}.`);
}

function checkWeights(members: readonly Quantizer[], path: string): void {
  const weights = lossWeightsOf(members);
  for (const { lossWeights } of members) {
    for (const [name, weight] of Object.entries(lossWeights)) {
      if (weight === weights[name]) continue;
      throw new ConfigError(
        path,
        `expected one weight of the ${name} loss, got ${weights[name]} and ${weight}.`,
      );
    }
  }
}

/** Q: the sum over members. */
export function totalCodebooks(members: readonly Quantizer[]): number {
  return members.reduce((sum, { numCodebooks }) => sum + numCodebooks, 0);
}

/** The weights of all losses that any member has. */
export function lossWeightsOf(members: readonly Quantizer[]): Readonly<Record<string, number>> {
  const weights = [...members].reverse().map(({ lossWeights }) => lossWeights);
  return Object.assign({}, ...weights) as Record<string, number>;
}

/** Each loss as the mean over the members that have it, every number of the latents alike. */
export function meanLosses(
  losses: readonly QuantizerOutput["losses"][],
  sizes: readonly number[] = losses.map(() => 1),
): QuantizerOutput["losses"] {
  const names = [...new Set(losses.flatMap((each) => Object.keys(each)))];
  const entries = names.map((name): [string, Scalar] => {
    const having = losses.flatMap((each, i) =>
      each[name] === undefined ? [] : [[each[name], sizes[i] as number] as const],
    );
    const total = having.reduce((sum, [, size]) => sum + size, 0);
    const parts = having.map(([loss, size]): Scalar => tf.mul(loss, size / total));
    return [name, parts.reduce((sum, part): Scalar => tf.add(sum, part))];
  });
  return Object.fromEntries(entries);
}

/** Indices [N, H, W, Q] as each member has them, [N, H, W, its own number]. */
export function splitIndices(indices: Tensor4D, members: readonly Quantizer[]): Tensor4D[] {
  return tf.split(
    indices,
    members.map(({ numCodebooks }) => numCodebooks),
    3,
  );
}

/** Every code of one codebook as its member has it. */
export function memberCodes(members: readonly Quantizer[], codebook: number): Tensor2D {
  let first = 0;
  for (const member of members) {
    if (codebook < first + member.numCodebooks) return allCodes(member, codebook - first);
    first += member.numCodebooks;
  }
  throw new RangeError(`codebook: expected an integer below ${first}, got ${codebook}.`);
}

/** All state, each member's under its place: `0/codes`, `1/codes`. */
export function memberVariables(members: readonly Quantizer[]): ReadonlyMap<string, Variable> {
  return new Map(
    members.flatMap((member, i) =>
      [...member.variables()].map(([name, variable]) => [`${i}/${name}`, variable] as const),
    ),
  );
}

/**
 * Runs the initialization of members one after the other as one: its progress is theirs together, and where one is
 * interrupted, all are as they were.
 *
 * @param each initializes member i with the options it is given
 */
export async function initializeInTurn(
  members: readonly Quantizer[],
  { signal, onProgress }: InitializationOptions,
  each: (member: Quantizer, i: number, options: InitializationOptions) => Promise<void>,
): Promise<void> {
  const variables = [...memberVariables(members).values()];
  const before = variables.map((variable) => tf.keep(tf.clone(variable)));
  try {
    for (const [i, member] of members.entries()) {
      await each(member, i, {
        signal,
        onProgress: ({ done, total }) =>
          onProgress?.({ done: i * total + done, total: members.length * total }),
      });
    }
  } catch (error) {
    variables.forEach((variable, i) => {
      variable.assign(before[i] as Variable);
    });
    throw error;
  } finally {
    for (const value of before) value.dispose();
  }
}

/**
 * Pruning member by member, or the first refusal.
 *
 * @param configOf the configuration of a quantizer of these members
 */
export function memberPruning(
  members: readonly Quantizer[],
  configOf: (members: readonly QuantizerConfig[]) => unknown,
): Pruning | undefined {
  const keeps: Extract<Pruning, { keep: unknown }>["keep"][] = [];
  for (const { pruning } of members) {
    if (pruning === undefined || "refusal" in pruning) return pruning;
    keeps.push(pruning.keep);
  }
  return {
    keep: async (kept) => {
      let start = 0;
      const parts = await Promise.all(
        members.map(({ numCodebooks }, i) => {
          const own = kept.slice(start, start + numCodebooks);
          start += numCodebooks;
          return (keeps[i] as (typeof keeps)[number])(own);
        }),
      );
      const state = new Map<string, StateValue>();
      for (const [i, part] of parts.entries()) {
        for (const [name, value] of part.state) state.set(`${i}/${name}`, value);
      }
      return { config: parseQuantizerConfig(configOf(parts.map(({ config }) => config))), state };
    },
  };
}
