import { ConfigError } from "../core/errors.js";
import type { Quantizer } from "../quantizers/index.js";
import type { Objective } from "./objective.js";
import { reconstructionLossNames } from "./reconstruction-loss.js";

/** Records already have `totalLoss`, `reconstructionLoss` and a loss for each of these. */
const TAKEN: readonly string[] = ["total", "reconstruction", ...reconstructionLossNames];

/** A quantizer's own losses, each with its weight. */
export function quantizerObjective({ lossWeights, repeatable = false }: Quantizer): Objective {
  return {
    name: "quantizer",
    modules: [],
    repeatable,
    inputs: () => ({}),
    evaluate: ({ quantization: { losses } }) => ({
      terms: Object.entries(losses).flatMap(([name, value]) => {
        checkLoss(name, lossWeights[name]);
        return value === undefined ? [] : [{ name, value, weight: lossWeights[name] as number }];
      }),
      figures: {},
    }),
  };
}

/** @throws ConfigError for a loss without a weight, and for one whose name is taken */
function checkLoss(name: string, weight: number | undefined): void {
  const where = `quantizer.lossWeights.${name}`;
  if (TAKEN.includes(name)) {
    throw new ConfigError(where, "expected a name of its own, got one of training's own losses. Rename it.");
  }
  if (!Number.isFinite(weight)) {
    throw new ConfigError(
      where,
      `expected the weight of that loss, got ${String(weight)}. Set it; 0 only records it.`,
    );
  }
}
