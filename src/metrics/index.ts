export { CodeCounts, type CodeCountsJson, type IndexCount, type Indices } from "./code-counts.js";
export {
  type CodebookDrift,
  type CodeLives,
  type CodeRecord,
  type CodeTimeline,
  codeAges,
  codeLives,
  type IntervalCounts,
  type LifeEvents,
} from "./code-lives.js";
export {
  assertSameConventions,
  type MetricCard,
  MS_SSIM_CONVENTION,
  metricCard,
  type NamedCard,
} from "./conventions.js";
export { frechetDistance } from "./frechet-distance.js";
export { type Gaussian, GaussianFit } from "./gaussian-fit.js";
export {
  checkImages,
  compareImages,
  type EightBitImages,
  type ImageFigures,
  type MeanImageFigures,
  meanColourImages,
  meanImageFigures,
} from "./image-quality.js";
export { type SpectrumFigures, type SpectrumImage, spectrumFigures } from "./image-spectrum.js";
export { MS_SSIM_MIN_SIDE } from "./ms-ssim.js";
export { type CodeVectors, type Projection, projectToAxes } from "./principal-axes.js";
export { ScaleCounter, type ScaleCounts, type ScaleFigures, scaleFigures } from "./scale-counts.js";
export { SlidingUsage, type SlidingUsageOptions } from "./sliding-usage.js";
export { WINDOW as SSIM_MIN_SIDE } from "./ssim.js";
export { mean, median, type Spread, sampleStandardDeviation, spread } from "./statistics.js";
export { CONFIDENCE, criticalT, type Interval, meanInterval } from "./student-interval.js";
export { symmetricEigenvalues } from "./symmetric-matrix.js";
export {
  bitsPerPixel,
  type CodebookFigures,
  type CodeGeometry,
  expectedDistinctCodes,
  expectedUniformUsage,
  leastUsedCodes,
  mostUsedCodes,
  rankFrequency,
  type UsageFigures,
  usageFigures,
} from "./usage.js";
