/** What training minimises. */
export { combined } from "./combined.js";
export type { ModelPass, Module, Objective, ObjectiveTerm, ObjectiveValue } from "./objective.js";
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
