export {
  admPreparation,
  albumentationsPreparation,
  type ImagePreparation,
  smoothImageWeights,
  torchvisionPreparation,
} from "./preparations.js";
export { type ImageWeights, resampleBytes, resampleFloats } from "./resample.js";
export {
  type AxisWeights,
  linearWeights,
  type ResamplingKernel,
  type SamplingPlaces,
  smoothWeights,
} from "./weights.js";
