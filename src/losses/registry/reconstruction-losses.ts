import { ConfigError } from "../../core/errors.js";
import type * as tf from "../../tf/index.js";

/** A way of one's own to compare images with their reconstructions: a mean over elements, with gradients. */
export interface ReconstructionLossDefinition {
  /**
   * What configurations give its weight under, and records call it by: `edges` is recorded as `edgesLoss`. Letters and
   * digits, the first a small letter; none of training's own.
   */
  readonly name: string;
  /** For the loss card, e.g. "mean |∇x − ∇x̂|". */
  readonly formula: string;
  /**
   * True when `compute` makes the same tensor operations at every call, with nothing in them that changes but its
   * arguments: the engine then records a training step once and repeats it. Every step is recorded without.
   */
  readonly repeatable?: boolean;
  /**
   * @param target [N, H, W, C], pixels in -1..1
   * @param reconstruction [N, H, W, C], not clamped
   * @returns a scalar; the smaller, the better
   */
  compute(target: tf.Tensor4D, reconstruction: tf.Tensor4D): tf.Scalar;
}

/** Records have these, and training's own parts are called so. */
const RESERVED = new Set([
  "total",
  "reconstruction",
  "codebook",
  "commitment",
  "l1",
  "l2",
  "huber",
  "huberDelta",
  "ssim",
]);

const definitions = new Map<string, ReconstructionLossDefinition>();

/**
 * Makes a reconstruction loss known to configurations, training and reports: `loss: { l1: 1, edges: 0.5 }`. A module
 * that calls it is loaded like one that registers a quantizer.
 *
 * @throws ConfigError for a name that cannot be recorded, is one of training's own, or that another definition has;
 * registering the same one again does nothing
 */
export function registerReconstructionLoss(definition: ReconstructionLossDefinition): void {
  const { name } = definition;
  if (!/^[a-z][A-Za-z0-9]*$/.test(name)) {
    throw new ConfigError(
      "",
      `Reconstruction loss ${JSON.stringify(name)}: expected a name of letters and digits, the first a small letter. Rename it.`,
    );
  }
  if (RESERVED.has(name)) {
    throw new ConfigError("", `Reconstruction loss "${name}" is one of training's own. Rename yours.`);
  }
  const present = definitions.get(name);
  if (present !== undefined && present !== definition) {
    throw new ConfigError(
      "",
      `Reconstruction loss "${name}" is already registered with another definition. Rename one.`,
    );
  }
  definitions.set(name, definition);
}

/** What the loss card says of losses of ours that stand here like one's own; what computes them needs an engine. */
const ourFormulas: Readonly<Record<string, string>> = {
  msSsim: "1 − mean MS-SSIM of x and x̂, at as many of its five scales as the crop holds",
  sobel: "mean |S(x − x̂)|, S the Sobel filters across and down",
};

/** The formula of a loss that is none of training's own names; undefined for one that nobody knows here. */
export function reconstructionLossFormula(name: string): string | undefined {
  return definitions.get(name)?.formula ?? ourFormulas[name];
}

/** The names of those registered, sorted. */
export function ownReconstructionLosses(): string[] {
  return [...definitions.keys()].sort();
}

/** Undefined for a name that nobody has registered here. */
export function ownReconstructionLoss(name: string): ReconstructionLossDefinition | undefined {
  return definitions.get(name);
}
