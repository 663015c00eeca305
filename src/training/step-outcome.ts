import type { LossFields } from "./step-metrics.js";

/** What a step found before it changed the weights. */
export interface StepOutcome {
  readonly losses: LossFields & { readonly totalLoss: number; readonly reconstructionLoss: number };
  readonly gradientNorm: number;
  readonly quantizationError: number;
  /** [N, H, W, Q], flat. */
  readonly indices: Int32Array;
}
