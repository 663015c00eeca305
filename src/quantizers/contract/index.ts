/**
 * What every quantizer must keep, as checks that any test runner can run:
 *
 *     for (const check of quantizerContract) it(check.name, () => check.run(() => createQuantizer(config, 7)));
 *
 * Give it a configuration with non-default values, and a surrogate if the gradient is not plain straight-through.
 */

import type { ContractCheck } from "./check.js";
import { checkFacts, checkPruning } from "./description.js";
import {
  checkIndexRange,
  checkLossWeights,
  checkRoundTrip,
  checkShapes,
  checkWrongShapes,
} from "./forward.js";
import { checkGradient, checkLossGradients } from "./gradients.js";
import {
  checkJsonRoundTrip,
  checkLeaks,
  checkPurity,
  checkRepeats,
  checkSeed,
  checkUpdate,
} from "./state.js";

import { checkDraws, checkReplacement, checkTraining } from "./training.js";

export {
  type ContractCheck,
  type ContractOptions,
  type Surrogate,
  type SurrogatePoint,
  straightThroughSurrogate,
} from "./check.js";

/** The checks, in an order in which the first failure is the most telling. */
export const quantizerContract: readonly ContractCheck[] = [
  { name: "returns the shapes and types of the contract", run: checkShapes },
  { name: "returns indices in 0..K-1", run: checkIndexRange },
  { name: "gives back the quantized values from the indices, bit for bit", run: checkRoundTrip },
  { name: "rejects wrong shapes with a ShapeError", run: checkWrongShapes },
  { name: "changes no variable when it quantizes", run: checkPurity },
  { name: "passes the surrogate's gradient to the latents", run: checkGradient },
  { name: "has losses whose gradients agree with central differences", run: checkLossGradients },
  { name: "has a weight for every loss", run: checkLossWeights },
  { name: "keeps working after an update of the codebook", run: checkUpdate },
  { name: "draws the same for the same step of training, if it draws", run: checkDraws },
  {
    name: "depends in training on what was drawn alone, and in evaluation on nothing of it",
    run: checkTraining,
  },
  { name: "reports the codes that it replaces, if it does", run: checkReplacement },
  { name: "does when repeated what it does when called, if it says so", run: checkRepeats },
  { name: "is rebuilt by its own configuration as JSON", run: checkJsonRoundTrip },
  { name: "is what it says of itself, if it does", run: checkFacts },
  { name: "keeps the codes that pruning leaves, if it can be pruned", run: checkPruning },
  { name: "gives the same bytes for the same seed", run: checkSeed },
  { name: "leaks no tensor", run: checkLeaks },
];
