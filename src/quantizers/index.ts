/** The quantizer family. Importing this registers the kinds fsq, rotation, simvq and vq. */
import * as tfjs from "@tensorflow/tfjs";
import { fsq } from "./kinds/fsq.js";
import { rotation } from "./kinds/rotation.js";
import { simvq } from "./kinds/simvq.js";
import { vq } from "./kinds/vq.js";
import { registerQuantizer } from "./registry.js";
import { bindTensorFlow } from "./tfjs.js";

bindTensorFlow(tfjs);
registerQuantizer(vq);
registerQuantizer(rotation);
registerQuantizer(simvq);
registerQuantizer(fsq);

export { allCodes } from "./all-codes.js";
export {
  type ContractCheck,
  quantizerContract,
  type Surrogate,
  type SurrogatePoint,
  straightThroughSurrogate,
} from "./contract.js";
export type { Paper, QuantizerDefinition, QuantizerOption } from "./definition.js";
export { boundOf, FiniteScalarQuantizer } from "./finite-scalar-quantizer.js";
export { type BackwardArguments, type GradientEstimator, replaceByCodes } from "./gradients/estimator.js";
export {
  countRotationFallbacks,
  type RotationOptions,
  reflection,
  rotation as rotationTrick,
} from "./gradients/rotation.js";
export { stopGradient, withoutGradient } from "./gradients/stop-gradient.js";
export { straightThrough } from "./gradients/straight-through.js";
export { type KMeansOptions, kMeans } from "./kmeans.js";
export { type LevelPlan, planLevels } from "./levels.js";
export { digitsToIndices, indicesToDigits, MAX_IMPLICIT_SIZE, placeValues } from "./mixed-radix.js";
export { type NearestCodeOptions, nearestCode, SCORES_PER_BLOCK } from "./nearest-code.js";
export type {
  InitializationOptions,
  InitializationProgress,
  Quantizer,
  QuantizerConfig,
  QuantizerLossName,
  QuantizerOutput,
} from "./quantizer.js";
export {
  createQuantizer,
  describeQuantizers,
  parseQuantizerConfig,
  type QuantizerDescription,
  quantizerKinds,
  quantizerWarnings,
  registerQuantizer,
} from "./registry.js";
export { checkIndices, checkLatents } from "./shapes.js";
export type {
  CodebookName,
  GradientName,
  Initialization,
  VectorQuantizerConfig,
} from "./vector-quantizer.js";
export { VectorQuantizer } from "./vector-quantizer.js";
