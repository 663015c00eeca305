import { replacementOf } from "./codebooks/dead-codes.js";
import { regularizationFacts, regularizationOf } from "./codebooks/regularization.js";
import type { QuantizerFacts } from "./facts.js";
import { codebookNamed, estimatorNamed } from "./family/parts.js";
import { optionsOf } from "./part.js";
import type { VectorQuantizerConfig } from "./vector-config.js";

/** What a vector quantizer is, as its parts tell it. */
export function vectorFacts(config: VectorQuantizerConfig): QuantizerFacts {
  const [codebook, estimator] = [codebookNamed(config.codebook), estimatorNamed(config.gradient)];
  const options = optionsOf(codebook, config);
  const learnsFromReconstruction =
    estimator.teachesCodes && !["never", "averages"].includes(codebook.learning);
  const { sentence, latent, loss } = codebook.card(options, { learnsFromReconstruction });
  const replacement = replacementOf(config);
  const replaces = replacement !== null;
  const replacementSentence = `Codes whose share falls below ${replacement?.replaceBelow} of equal use are put on latents of the batch, every ${replacement?.replaceEvery} steps.`;
  const ownLoss = loss && {
    name: "codebook",
    weight: config.codebookWeight as number,
    formula: `mean (sg[${latent}] − q)²`,
    ...loss,
  };
  const commitment = {
    name: "commitment",
    symbol: "β",
    weight: config.commitmentWeight,
    formula: `mean (${latent} − sg[q])²`,
    moves: "the encoder",
    leaves: "codebook and decoder",
  };
  return {
    codebookSize: config.codebookSize,
    numbers: codebook.numbers(config, options) + (replaces ? config.codebookSize : 0),
    codebook: replaces ? `${sentence} ${replacementSentence}` : sentence,
    gradient: estimator.card(optionsOf(estimator, config)),
    losses: [
      ...(ownLoss === null ? [] : [ownLoss]),
      commitment,
      ...regularizationFacts(regularizationOf(config), latent),
    ],
    learning: codebook.learning,
    learnsFromReconstruction,
    comparesLengths: codebook.comparesLengths,
  };
}
