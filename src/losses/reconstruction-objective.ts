import type { Objective } from "./objective.js";
import {
  isOurs,
  type ReconstructionLossConfig,
  reconstructionLoss,
  weightsOf,
} from "./reconstruction-loss.js";
import { ownReconstructionLoss } from "./registry/index.js";

/** How far reconstructions are from their images; also recorded as one figure, `reconstructionLoss`. */
export function reconstructionObjective(config: ReconstructionLossConfig): Objective {
  const weights = weightsOf(config);
  return {
    name: "reconstruction",
    modules: [],
    images: "plain",
    // Ours are; of one's own those that say so.
    repeatable: weights.every(({ name }) => isOurs(name) || ownReconstructionLoss(name)?.repeatable === true),
    inputs: () => ({}),
    evaluate: ({ pixels, reconstruction }) => {
      const { total, terms } = reconstructionLoss(pixels, reconstruction, config);
      return {
        terms: weights.flatMap(({ name, weight }) => {
          const value = terms[name];
          return value === undefined ? [] : [{ name, value, weight }];
        }),
        figures: { reconstructionLoss: total },
      };
    },
  };
}
