import type { Quantizer } from "./quantizer.js";

/**
 * A quantizer whose codes stay as they are: no gradient reaches them, they learn nothing by themselves, and nothing is
 * set from data before the first step.
 *
 * @param quantizer belongs to the result from here on; its variables are marked as not trainable
 */
export function frozenCodebook(quantizer: Quantizer): Quantizer {
  for (const variable of quantizer.variables().values()) variable.trainable = false;
  const { config, codebookSize, numCodebooks, codeDim, lossWeights, repeatable, trainingInputs } = quantizer;
  return {
    config,
    codebookSize,
    numCodebooks,
    codeDim,
    lossWeights,
    latentsForInitialization: 0,
    ...(repeatable !== undefined && { repeatable }),
    // What a step draws may be noise of the gradient, which frozen codes have too; replaced they are never.
    ...(trainingInputs !== undefined && { trainingInputs: (draw) => trainingInputs.call(quantizer, draw) }),
    quantize: (latents, training) => quantizer.quantize(latents, training),
    indicesToCodes: (indices) => quantizer.indicesToCodes(indices),
    initialize: async () => {},
    updateCodebook: () => {},
    variables: () => quantizer.variables(),
    dispose: () => quantizer.dispose(),
  };
}
