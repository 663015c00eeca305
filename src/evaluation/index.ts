export { type EvaluationCircumstances, evaluationCard } from "./card.js";
export { type CodeGrid, codeColours, codeMosaic, type Rgb } from "./code-mosaic.js";
export {
  type Evaluation,
  type EvaluationOptions,
  evaluateMeanColour,
  evaluateModel,
  evaluationOf,
  IMAGES_PER_PART,
  meanColourFigures,
  type SumOptions,
  sumMeanColour,
  sumModel,
} from "./evaluate.js";
export { type CodebookShape, EvaluationSums } from "./evaluation-sums.js";
export { ExampleStrips } from "./example-strips.js";
export { ExampleCollector, type ExampleImages } from "./examples.js";
export { FeatureDistance } from "./feature-distance.js";
export { type EvaluationFigures, evaluatedFigures, type GradientComparison } from "./figures/index.js";
export {
  type EstimatorGradient,
  type GradientInspection,
  type GradientInspectionOptions,
  type GradientProbe,
  inspectGradients,
} from "./gradient-inspection.js";
export {
  DistanceNetwork,
  FeatureNetwork,
  type ImageDistance,
  type ImageNetworkOptions,
  type NetworkInput,
} from "./image-networks.js";
export { type ImageRecords, ImageSums } from "./image-sums.js";
export type { EvaluationNetworks, NetworkIdentities } from "./network-figures.js";
export type { CodedPhotograph } from "./photograph.js";
export { quantizationError } from "./quantization-error.js";
export { type ReferenceStatistics, readReferenceStatistics } from "./reference-statistics.js";
export { imageSumsOf, type StoredSums, storedImageSums, storedSums, sumsOf } from "./stored-sums.js";
