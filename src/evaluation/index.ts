export { type EvaluationCircumstances, evaluationCard } from "./card.js";
export { type Evaluation, type EvaluationOptions, evaluateMeanColour, evaluateModel } from "./evaluate.js";
export type { ExampleImages } from "./examples.js";
export type { EvaluationFigures } from "./figures.js";
export { quantizationError } from "./quantization-error.js";
