/** What training minimises. */

import { msSsimLoss } from "./ms-ssim.js";
import { registerReconstructionLoss } from "./registry/index.js";
import { sobelLoss } from "./sobel.js";

for (const loss of [msSsimLoss, sobelLoss]) registerReconstructionLoss(loss);

export { weightedSum } from "./balance.js";
export { combined } from "./combined.js";
export { prepareObjectives } from "./makers.js";
export type {
  ModelPass,
  Module,
  Objective,
  ObjectiveTerm,
  ObjectiveValue,
  StateUpdate,
} from "./objective.js";
export { openPerceptualNetwork, type PerceptualNetwork } from "./perceptual/network.js";
export { type PerceptualNetworkConfig, parsePerceptualNetwork } from "./perceptual/options.js";
export { modulesOf, namedVariables, type Phase, updateAt } from "./phase.js";
export { quantizerObjective } from "./quantizer-objective.js";
export {
  type ReconstructionLoss,
  type ReconstructionLossConfig,
  type ReconstructionLossName,
  type ReconstructionLossOptions,
  reconstructionLoss,
  reconstructionLossNames,
  reconstructionLossSchema,
  weightsOf,
} from "./reconstruction-loss.js";
export { reconstructionObjective } from "./reconstruction-objective.js";
export { meanSsim } from "./ssim.js";
