export { type AutoencoderOutput, ImageAutoencoder } from "./autoencoder.js";
export {
  type Activation,
  type AutoencoderConfig,
  activations,
  autoencoderConfigSchema,
  type DownsamplingFactor,
  downsamplingFactors,
  type ModelOptions,
  type ModelPresetName,
  modelPresetNames,
  modelPresets,
  resolveModel,
} from "./config.js";
export { describeModel, type ModelDescription, type PartDescription } from "./describe.js";
export { checkImageShape } from "./image-shape.js";
export { decoderLayers, encoderLayers } from "./layers.js";
export { encodingBytes, forwardBytes, trainingStepBytes } from "./memory.js";
export { centredBytes, type PixelBatch, pixelsToTensor, tensorToPixels } from "./pixels.js";
export { parseStoredModel, withModelPathInErrors } from "./stored-model.js";
