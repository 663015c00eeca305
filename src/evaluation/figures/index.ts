/** What an evaluation says in numbers: plain arithmetic, without tensors and without an engine. */
export {
  type EvaluationFigures,
  evaluatedFigures,
  imageOnlyFigures,
  modelFigures,
} from "./evaluation-figures.js";
export {
  compareGradients,
  dot,
  type GradientComparison,
  norm,
  radialShare,
  rowDirections,
} from "./gradient-geometry.js";
export {
  LARGEST_RANK_DIMENSION,
  type LatentFigures,
  LatentStatistics,
  type LatentSums,
} from "./latent-statistics.js";
