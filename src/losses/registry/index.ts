/** The kinds of objectives, as configurations and reports know them: without an engine. */
export type {
  ObjectiveCard,
  ObjectiveConfig,
  ObjectiveContext,
  ObjectiveDefinition,
  ObjectiveParts,
} from "./definition.js";
export {
  objectiveCards,
  objectiveDefinition,
  objectiveKinds,
  parseObjectives,
  registerObjective,
} from "./registry.js";
