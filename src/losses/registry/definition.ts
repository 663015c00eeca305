import type { Random } from "../../core/random.js";
import type { Objective } from "../objective.js";
import type { Phase } from "../phase.js";

/** The resolved options of an objective beside the reconstruction. JSON: saved whole, and enough to build it again. */
export interface ObjectiveConfig {
  /** The registered name. */
  readonly kind: string;
  readonly [option: string]: unknown;
}

/** What an objective brings into a run. */
export interface ObjectiveParts {
  /** What the model minimises besides its reconstruction and the quantizer's losses; null for nothing. */
  readonly ofModel: Objective | null;
  /** Further phases of a step, after the model's. */
  readonly phases: readonly Phase[];
}

/** What an objective is made with. */
export interface ObjectiveContext {
  /** A stream of the run's seed and the objective's kind. */
  readonly random: Random;
  /** The model's learning rate, for networks that learn along with it. @param step 1 for the first */
  learningRate(step: number): number;
  /** The same as a share of its peak, for networks with a peak of their own. */
  learningRateFraction(step: number): number;
}

/** A line of the loss card. */
export interface ObjectiveCard {
  readonly loss: string;
  /** null where it is not known. */
  readonly weight: number | null;
  readonly formula: string;
  /** What learns from it. */
  readonly moves: string;
  /** What it leaves as it is. */
  readonly leaves: string;
}

/** What configurations and reports know of a kind of objective. Needs no engine. */
export interface ObjectiveDescription<C extends ObjectiveConfig = ObjectiveConfig> {
  readonly kind: string;
  /** One sentence. */
  readonly summary: string;
  /**
   * Checks options and writes every default out.
   *
   * @param where names them in messages: `objectives[0]`
   * @throws ConfigError
   */
  parse(value: unknown, where: string): C;
  /** The smallest side of a crop that its networks take, in pixels; any where it says nothing. */
  smallestSide?(config: C): number;
  /** What the loss card of a run says of it, a line a term. */
  card(config: C): readonly ObjectiveCard[];
}

/** An objective that has read its files. */
export interface PreparedObjective<C extends ObjectiveConfig = ObjectiveConfig> {
  /** With what the files are known by. */
  readonly config: C;
  /** Called once at most; what is read then belongs to the parts. */
  create(context: ObjectiveContext): ObjectiveParts;
  /** Frees what was read, where `create` is not called. */
  dispose(): void;
}

/** What makes an objective. */
export interface ObjectiveMaker<C extends ObjectiveConfig = ObjectiveConfig> {
  /** Makes it with fresh weights. @param config as `parse` returned it */
  create(config: C, context: ObjectiveContext): ObjectiveParts;
  /**
   * Reads the files that the configuration names, for an objective that has some; `create` of what it returns is then
   * called instead.
   *
   * @param where names the configuration in messages
   */
  prepare?(config: C, where: string): Promise<PreparedObjective<C>>;
}

/**
 * A kind of objective: how its options are read, how it is made, and what a reader is told of it. `registerObjective`
 * makes one from elsewhere known; ours stand in `ours.ts` and `makers.ts`.
 */
export interface ObjectiveDefinition<C extends ObjectiveConfig = ObjectiveConfig>
  extends ObjectiveDescription<C>,
    ObjectiveMaker<C> {}
