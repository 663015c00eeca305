import { z } from "zod";
import type * as tf from "../../tf/index.js";
import { adam } from "./adam.js";
import { clipping } from "./clipping.js";
import { Optimizer } from "./optimizer.js";
import { partRates } from "./part-rates.js";
import { decoupledDecay, l2Decay } from "./weight-decay.js";

/** "adam" adds weightDecay·θ to the gradient (L2 regularization); "adamw" shrinks the weights beside it. */
export const optimizerKinds = ["adam", "adamw"] as const;
export type OptimizerKind = (typeof optimizerKinds)[number];

/** How weights are updated. */
export const optimizerSchema = z.strictObject({
  /** "adam" or "adamw"; they differ in weight decay alone. */
  kind: z.enum(optimizerKinds).default("adam"),
  /** Decay of the gradient's running mean, [0, 1); 0 switches momentum off. */
  beta1: z.number().min(0).lt(1).default(0.9),
  /** Decay of the squared gradient's running mean, [0, 1). */
  beta2: z.number().min(0).lt(1).default(0.999),
  /** Added to the root of the second moment; > 0, because a gradient may be exactly 0 from the start. */
  epsilon: z.number().positive().default(1e-8),
  /** Pull of convolution kernels towards 0; 0 is off. */
  weightDecay: z.number().min(0).default(0),
});

/** The same with every default written out. */
export type OptimizerConfig = Readonly<z.output<typeof optimizerSchema>>;

/**
 * The optimizer that a configuration stands for: clipping, weight decay, Adam.
 *
 * @param gradientClip largest global norm of the gradients; null is off
 * @param factorOf of the learning rate of a variable, by its name; by default 1
 */
export function createOptimizer(
  variables: ReadonlyMap<string, tf.Variable>,
  config: OptimizerConfig,
  gradientClip: number | null = null,
  factorOf?: (name: string) => number,
): Optimizer {
  const { kind, weightDecay } = config;
  return new Optimizer(variables, [
    ...(gradientClip === null ? [] : [clipping(gradientClip)]),
    kind === "adam" ? l2Decay(weightDecay) : decoupledDecay(weightDecay),
    adam(variables, config),
    ...(factorOf === undefined ? [] : [partRates(factorOf)]),
  ]);
}
