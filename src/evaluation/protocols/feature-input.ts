import {
  type AxisWeights,
  type ImageWeights,
  linearWeights,
  resampleFloats,
  smoothWeights,
} from "../../data/resampling/index.js";
import type { NetworkInput } from "../image-networks.js";

interface InputRule {
  readonly text: string;
  readonly side: number;
  readonly axis: (from: number, to: number) => AxisWeights;
  /** Of a resized value on the scale of bytes. */
  readonly value: (byte: number) => number;
}

/** Resized here, image by image, so that one file of a network serves every way of resizing. */
function featureInput({ text, side, axis, value }: InputRule): NetworkInput {
  let weights: ImageWeights | undefined;
  return {
    text,
    values({ pixels, count, height, width }) {
      if (weights?.rows.from !== height || weights.columns.from !== width) {
        weights = { rows: axis(height, side), columns: axis(width, side) };
      }
      const area = side * side;
      const data = new Float32Array(count * 3 * area);
      for (let image = 0; image < count; image++) {
        const bytes = height * width * 3;
        const one = { pixels: pixels.subarray(image * bytes, (image + 1) * bytes), height, width };
        const resized = resampleFloats(one, weights);
        for (let channel = 0; channel < 3; channel++) {
          const to = (image * 3 + channel) * area;
          for (let i = 0; i < area; i++) data[to + i] = value(resized[3 * i + channel] as number);
        }
      }
      return { data, dims: [count, 3, side, side] };
    },
  };
}

/** Sides of InceptionV3's input. */
const INCEPTION_SIDE = 299;

/** What the graph of 2015 does with its images, which ADM's evaluator and torch-fidelity compute. */
export const tensorflowInput: NetworkInput = featureInput({
  text: "resized to 299x299 bilinearly, corners upon corners, as TensorFlow 1 does; (x-128)/128",
  side: INCEPTION_SIDE,
  axis: (from, to) => linearWeights(from, to, "corners"),
  value: (byte) => (byte - 128) / 128,
});

/** What pytorch-fid does: `F.interpolate(…, mode="bilinear", align_corners=False)`. */
export const pytorchFidInput: NetworkInput = featureInput({
  text: "resized to 299x299 bilinearly, centres upon centres, as PyTorch does; x/127.5-1",
  side: INCEPTION_SIDE,
  axis: (from, to) => linearWeights(from, to, "centres"),
  value: (byte) => byte / 127.5 - 1,
});

/** What clean-fid does: Pillow's bicubic kernel in floating point, channel by channel, cut to the range of bytes. */
export const cleanFidInput: NetworkInput = featureInput({
  text: "resized to 299x299 by Pillow's bicubic kernel in floating point and cut to 0..255, as clean-fid does; (x-128)/128",
  side: INCEPTION_SIDE,
  axis: (from, to) => smoothWeights(from, to, "bicubic"),
  value: (byte) => (Math.min(255, Math.max(0, byte)) - 128) / 128,
});
