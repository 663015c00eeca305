/** The kinds of objectives, and reconstruction losses of one's own, as configurations and reports know them: without an engine. */
export type {
  ObjectiveCard,
  ObjectiveConfig,
  ObjectiveContext,
  ObjectiveDefinition,
  ObjectiveDescription,
  ObjectiveMaker,
  ObjectiveParts,
  PreparedObjective,
} from "./definition.js";
export {
  ownReconstructionLoss,
  ownReconstructionLosses,
  type ReconstructionLossDefinition,
  reconstructionLossFormula,
  registerReconstructionLoss,
} from "./reconstruction-losses.js";
export {
  objectiveCards,
  objectiveDescription,
  objectiveKinds,
  parseObjectives,
  registerObjective,
} from "./registry.js";
