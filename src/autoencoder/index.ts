export { type AutoencoderOutput, ImageAutoencoder } from "./autoencoder.js";
export {
  autoencoderConfigSchema,
  halvings,
  type ModelOptions,
  modelPresets,
  resolveModel,
} from "./config.js";
export {
  type Activation,
  type AutoencoderConfig,
  activations,
  type DecoderNorm,
  type DownKind,
  type DownsamplingFactor,
  decoderNorms,
  downKinds,
  downsamplingFactors,
  type ModelLayout,
  modelLayouts,
  type PixelRange,
  pixelRanges,
  type QuantConvolution,
  quantConvolutions,
  stageWidths,
  type UpKind,
  upKinds,
} from "./config-fields.js";
export { checkDecoder } from "./decoder.js";
export { describeModel, type ModelDescription, type PartDescription } from "./describe.js";
export { checkImageShape } from "./image-shape.js";
export { decoderLayers, encoderLayers } from "./layers.js";
export { encodingBytes, forwardBytes, trainingStepBytes } from "./memory.js";
export { centredBytes, type PixelBatch, pixelsToTensor, tensorToPixels } from "./pixels.js";
export { type ModelPresetName, modelPresetNames, presetCodeDim } from "./presets.js";
export { parseStoredModel, withModelPathInErrors } from "./stored-model.js";
