import type { Objective } from "./objective.js";
import {
  type ReconstructionLossConfig,
  reconstructionLoss,
  reconstructionLossNames,
} from "./reconstruction-loss.js";

/** How far reconstructions are from their images; also recorded as one figure, `reconstructionLoss`. */
export function reconstructionObjective(config: ReconstructionLossConfig): Objective {
  return {
    name: "reconstruction",
    modules: [],
    repeatable: true,
    inputs: () => ({}),
    evaluate: ({ pixels, reconstruction }) => {
      const { total, terms } = reconstructionLoss(pixels, reconstruction, config);
      return {
        terms: reconstructionLossNames.flatMap((name) => {
          const value = terms[name];
          return value === undefined ? [] : [{ name, value, weight: config[name] }];
        }),
        figures: { reconstructionLoss: total },
      };
    },
  };
}
