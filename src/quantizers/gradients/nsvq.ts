/**
 * Noise substitution: in training the quantization error is replaced by noise of its length.
 *
 * Vali & Bäckström 2022 (NSVQ), https://doi.org/10.1109/ACCESS.2022.3147670. For latent z and code q of one row the
 * output is z + ‖q − z‖·ε/‖ε‖ with ε from N(0, I), drawn anew for each step. Gradients reach z and q through the length
 * (`substitution.ts`), so both losses of the quantizer have the weight 0 unless set. In evaluation the output is q.
 */
import { estimatorPart } from "./estimator.js";
import { alongError, directions, normalNoise, substitute } from "./substitution.js";

export const nsvqEstimator = estimatorPart({
  name: "nsvq",
  summary: "in training noise as long as the error in its place; its length teaches latents and codes",
  options: {},
  defaults: { commitmentWeight: 0, codebookWeight: 0 },
  teachesCodes: true,
  card: () =>
    "NSVQ: in training the latent plus noise as long as the error; the gradient along it goes to the code through the length, the rest to the latent.",
  draw: (_, draw) => ({ noise: normalNoise(draw) }),
  create: () => (latents, codes, context) => {
    const noise = context?.training?.noise;
    if (noise === undefined) return alongError(latents, codes);
    return substitute({ latents, codes, direction: directions(noise) });
  },
  variants: {},
});
