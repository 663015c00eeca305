/** The quantizer family. Importing this registers its kinds, which family/kinds.ts lists. */
import * as tfjs from "../tf/index.js";
import "./family/kinds.js";
import { bindTensorFlow } from "./tfjs.js";

bindTensorFlow(tfjs);

export { allCodes, hasCodes } from "./all-codes.js";
export type {
  OptionChoice,
  QuantizerDefinition,
  QuantizerOption,
  Recommendation,
} from "./definition.js";
export type { CodeLearning, QuantizerFacts, QuantizerLoss } from "./facts.js";
export { type CodebookName, type GradientName, gradientEstimators } from "./family/parts.js";
export { frozenCodebook } from "./frozen-codebook.js";
export { type BackwardArguments, type GradientEstimator, replaceByCodes } from "./gradients/estimator.js";
export {
  countRotationFallbacks,
  type RotationOptions,
  reflection,
  rotation as rotationTrick,
} from "./gradients/rotation.js";
export { stopGradient, withoutGradient } from "./gradients/stop-gradient.js";
export { straightThrough } from "./gradients/straight-through.js";
export { GridQuantizer } from "./grid/grid-quantizer.js";
export { type GridRule, noLosses, type Placed } from "./grid/grid-rule.js";
export { type KMeansOptions, kMeans } from "./kmeans.js";
export { type LevelPlan, planLevels } from "./levels.js";
export { digitsToIndices, indicesToDigits, MAX_IMPLICIT_SIZE } from "./mixed-radix.js";
export { type NearestCodeOptions, nearestCode, type Similarity } from "./nearest-code.js";
export type { OnnxQuantizer } from "./onnx/onnx-quantizer.js";
export type { Paper } from "./paper.js";
export {
  type PlannedQuantizer,
  type PlanRequest,
  planTokenizer,
  type TokenizerPlan,
} from "./planning/plan-tokenizer.js";
export type {
  CodeReplacement,
  CodeSequence,
  InitializationOptions,
  InitializationProgress,
  KeptCodes,
  Pruning,
  Quantizer,
  QuantizerConfig,
  QuantizerLossName,
  QuantizerOutput,
  StateValue,
  TrainingDraw,
  TrainingInputs,
} from "./quantizer.js";
export {
  buildQuantizer,
  createBlankQuantizer,
  createQuantizer,
  describeQuantizers,
  parseQuantizerConfig,
  type QuantizerDescription,
  quantizerFacts,
  quantizerKinds,
  quantizerWarnings,
  recommendationFor,
  registerQuantizer,
  undecidedRecommendation,
} from "./registry.js";
export { checkIndices, checkLatents } from "./shapes.js";
export type { Initialization, VectorQuantizerConfig } from "./vector-config.js";
export { VectorQuantizer } from "./vector-quantizer.js";
