export { type ImageValue, inLayout } from "./image-value.js";
export type { GraphContext, Layer, LayerContext, LayerCost, MapSize } from "./layer.js";
export { type ActivationName, activation } from "./layers/activation.js";
export { type AdaptiveNormOptions, adaptiveNorm } from "./layers/adaptive-norm.js";
export { type BatchNormOptions, batchNorm } from "./layers/batch-norm.js";
export { branches } from "./layers/branches.js";
export { type ConvolutionOptions, convolution } from "./layers/convolution.js";
export { type BlockOrder, depthToSpace } from "./layers/depth-to-space.js";
export { type DepthwiseConvolutionOptions, depthwiseConvolution } from "./layers/depthwise-convolution.js";
export { type GroupNormOptions, groupNorm } from "./layers/group-norm.js";
export { haarWavelets, inverseHaarWavelets } from "./layers/haar-wavelets.js";
export { leakyRelu } from "./layers/leaky-relu.js";
export { pool } from "./layers/pool.js";
export { type RescaleOptions, rescale } from "./layers/rescale.js";
export { type ResidualOptions, residual } from "./layers/residual.js";
export { type SelfAttentionOptions, selfAttention } from "./layers/self-attention.js";
export { sequence } from "./layers/sequence.js";
export { spaceToDepth } from "./layers/space-to-depth.js";
export { type SpatialNormOptions, spatialNorm } from "./layers/spatial-norm.js";
export { spectralConvolution } from "./layers/spectral-convolution.js";
export { upsample } from "./layers/upsample.js";
export { type UpsampledConvolutionOptions, upsampledConvolution } from "./layers/upsampled-convolution.js";
export { Network, type NetworkInputs, type NetworkStart, type TrainingOutput } from "./network.js";
export { type Parameter, type Start, sizeOf } from "./parameter.js";
export {
  assignWeightValues,
  checkWeights,
  copyWeightValues,
  renameWeights,
  type WeightMatch,
  type WeightValue,
  type WeightValues,
} from "./state-dict.js";
export { storedWeightValues } from "./stored-weights.js";
export { outputsFirst, tapsFirst } from "./weights.js";
export { keepingSize, type Padding, type Sides } from "./windows.js";
