/** The kinds of objectives, and reconstruction losses of one's own, as configurations and reports know them: without an engine. */
export type {
  ObjectiveCard,
  ObjectiveConfig,
  ObjectiveContext,
  ObjectiveDefinition,
  ObjectiveParts,
} from "./definition.js";
export {
  ownReconstructionLoss,
  ownReconstructionLosses,
  type ReconstructionLossDefinition,
  registerReconstructionLoss,
} from "./reconstruction-losses.js";
export {
  objectiveCards,
  objectiveDefinition,
  objectiveKinds,
  parseObjectives,
  registerObjective,
} from "./registry.js";
