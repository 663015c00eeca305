import type { GraphWriter } from "../backend/index.js";
import type * as tf from "../tf/index.js";
import type { ImageValue } from "./image-value.js";
import type { Parameter } from "./parameter.js";
import type { WeightValues } from "./state-dict.js";

/** Height, width and channels of one image tensor. */
export type MapSize = readonly [height: number, width: number, channels: number];

/** What a layer costs for one image of a size. */
export interface LayerCost {
  /** FLOP forward: 2 per multiply-add of convolutions and of attention; the rest is not counted. */
  readonly flop: number;
  readonly output: MapSize;
}

/** What a layer is applied with. */
export interface LayerContext {
  /** Finds a parameter by name. */
  readonly weight: (name: string) => tf.Tensor;
  /**
   * Present in training: a layer then takes its training form, and says what a parameter that does not learn by gradient
   * becomes after the step. Absent in inference.
   */
  readonly onStatistic?: (name: string, value: tf.Tensor) => void;
  /** [N, h, w, D]: the codes that a decoder decodes, for layers that depend on them besides what they are applied to. */
  readonly codes?: tf.Tensor4D;
}

/** What a layer is written with besides its input and its weights. */
export interface GraphContext {
  /** As `LayerContext.codes`. */
  readonly codes?: ImageValue;
}

/**
 * One step of a network on images [N, H, W, C]. Initialisation, the forward pass, the description of a model and its
 * export read the same value, so they cannot disagree.
 *
 * A layer is plain data and functions; it holds no tensors. Its parameters live where the network keeps them, under
 * names that the layer was made with.
 */
export interface Layer {
  /** What it learns or keeps, in the order of files. Names are unique in a network. */
  readonly parameters: readonly Parameter[];

  /**
   * Computes the layer, with gradients. Call it inside `tf.tidy`.
   *
   * @param x [N, H, W, C]
   * @returns [N, H', W', C'], the size that `cost` gives
   */
  apply(x: tf.Tensor4D, context: LayerContext): tf.Tensor4D;

  /** @throws ShapeError for a size that the layer cannot take */
  cost(input: MapSize): LayerCost;

  /**
   * Writes the layer's inference form, operator for operator as the engine computes `apply`, so that sums have the same
   * order and the same rounding.
   *
   * @param weights by name
   */
  onnx(g: GraphWriter, x: ImageValue, weights: WeightValues, context?: GraphContext): ImageValue;
}
