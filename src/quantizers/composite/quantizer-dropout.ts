/**
 * Quantizer dropout: of some images training shows the decoder the first codes of each position alone, so that one model
 * decodes at several rates.
 *
 * Zeghidour et al. 2021 (SoundStream), https://arxiv.org/abs/2107.03312, section III-C: how many is drawn evenly for each
 * example. As in the Descript audio codec (Kumar et al. 2023, https://arxiv.org/abs/2306.06546), of a share of them alone.
 * All codes are chosen, counted and taught as without it; what is left out is what they add.
 */
import { z } from "zod";
import type { Tensor, Tensor2D, Tensor4D } from "../../tf/index.js";
import type { Quantizer, TrainingDraw, TrainingInputs } from "../quantizer.js";
import { tf } from "../tfjs.js";

/** Of every quantizer whose codes are a sum. */
export const quantizerDropout = z
  .number()
  .min(0)
  .max(1)
  .default(0)
  .describe("share of images of which training decodes the first codes alone, their number drawn evenly");

/**
 * What a step draws.
 *
 * @param rate 0..1
 * @param parts of the sum
 * @returns undefined where nothing is left out
 */
export function dropoutInputs(rate: number, parts: number): Quantizer["trainingInputs"] {
  if (rate === 0) return undefined;
  return ({ grid: [count], random }: TrainingDraw) => {
    const shown = Float32Array.from({ length: count * parts }, () => 0);
    for (let image = 0; image < count; image++) {
      const isCut = random.next() < rate;
      const first = 1 + random.integer(parts);
      shown.fill(1, image * parts, image * parts + (isCut ? first : parts));
    }
    return { shown: tf.tensor2d(shown, [count, parts]) };
  };
}

/** What the loss card says of it: nothing where nothing is left out. @param parts "codes" or "scales" */
export function dropoutSentence(rate: number, parts: string): string {
  return rate === 0 ? "" : ` Of ${rate} of the images training decodes the first ${parts} alone.`;
}

/**
 * The parts of the sum that training shows; all of them in evaluation.
 *
 * @param parts [N, H, W, D] each
 */
export function shownParts(
  parts: readonly Tensor4D[],
  training: TrainingInputs | undefined,
): readonly Tensor4D[] {
  const shown = training?.shown as Tensor2D | undefined; // [N, parts]
  if (shown === undefined) return parts;
  const [count] = shown.shape;
  return parts.map((part, i) => {
    const own: Tensor = tf.reshape(tf.slice(shown, [0, i], [count, 1]), [count, 1, 1, 1]);
    return tf.mul(part, own) as Tensor4D;
  });
}
