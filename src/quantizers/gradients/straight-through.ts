/**
 * The straight-through estimator: the gradient at the code is copied to the latent unchanged.
 *
 * Bengio et al. 2013, https://arxiv.org/abs/1308.3432; for codebooks van den Oord et al. 2017,
 * https://arxiv.org/abs/1711.00937, section 3.2.
 */
import type { Tensor } from "../../tf/index.js";
import { tf } from "../tfjs.js";
import { estimatorPart } from "./estimator.js";

/**
 * z + sg(q − z), written so that the value is q itself and not q after two roundings.
 *
 * @param latents z, any shape
 * @param codes q, same shape
 */
export function straightThrough<T extends Tensor>(latents: T, codes: T): T {
  return tf.customGrad<T>(() => ({ value: codes.clone(), gradFunc: (gradient) => gradient }))(latents);
}

export const straightThroughEstimator = estimatorPart({
  name: "straight-through",
  summary: "the gradient at the code, copied to the latent",
  paper: { title: "Neural Discrete Representation Learning", arxiv: "1711.00937" },
  options: {},
  teachesCodes: false,
  card: () => "Straight-through: the gradient at the code is copied to the latent unchanged.",
  create: () => straightThrough,
  variants: { "straight-through": {} },
});
