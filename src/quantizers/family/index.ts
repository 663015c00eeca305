/**
 * What the quantizers say of themselves, for programs that compute nothing: this face loads no TensorFlow.js. Importing
 * it registers the kinds that kinds.ts lists.
 */
import type { CodeLearning } from "../facts.js";
import { quantizerFacts, quantizerKinds } from "../registry.js";
import { codebookParts } from "./parts.js";
import "./kinds.js";

export type { CodeLearning, QuantizerFacts, QuantizerLoss } from "../facts.js";
export {
  type PlannedQuantizer,
  type PlanRequest,
  planTokenizer,
  type TokenizerPlan,
} from "../planning/plan-tokenizer.js";
export { quantizerFacts, quantizerKinds };

/** The codebooks of the family that learn in one way. */
export function codebooksThatLearn(learning: CodeLearning): string[] {
  return codebookParts.filter((part) => part.learning === learning).map(({ name }) => name);
}

/** The registered kinds that learn in one way by default. */
export function kindsThatLearn(learning: CodeLearning): string[] {
  return quantizerKinds().filter((kind) => quantizerFacts({ kind })?.learning === learning);
}
