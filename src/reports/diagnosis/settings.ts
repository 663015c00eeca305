import { fieldsOf } from "../../core/objects.js";
import { type CodeLearning, quantizerFacts } from "../../quantizers/family/index.js";

/** What a run's configuration says that decides which advice is of use to it; undefined where it does not say it. */
export interface RunSettings {
  /** What a step does to the codes; undefined for a quantizer that does not say. */
  readonly learning: CodeLearning | undefined;
  /** Whether latents and their codes should be equally long; a quantizer that does not say may want it. */
  readonly comparesLengths: boolean;
  readonly initialization: string | undefined;
  /** The option that says how many codes there are. */
  readonly sizedBy: "codebookSize" | "levels" | "codeDim";
  /** The share below which codes are replaced; undefined where nothing can be, 0 where nothing is. */
  readonly replaceBelow: number | undefined;
  /** The weight of an entropy loss; undefined for a quantizer without one. */
  readonly entropyWeight: number | undefined;
  /** D. */
  readonly codeDim: number | undefined;
  readonly gradientClip: number | undefined;
  readonly groupNorm: boolean;
  /** Steps in which the learning rate rises. */
  readonly warmupSteps: number;
}

/** @param config a resolved configuration; anything else says nothing */
export function settingsOf(config: unknown): RunSettings {
  const { quantizer, model, gradientClip, warmupSteps } = fieldsOf(config);
  const { initialization, codeDim, levels, replaceBelow, entropyWeight } = fieldsOf(quantizer);
  const facts = quantizerFacts(quantizer);
  return {
    learning: facts?.learning,
    comparesLengths: facts?.comparesLengths ?? true,
    initialization: textOf(initialization),
    sizedBy: Array.isArray(levels) ? "levels" : facts?.learning === "never" ? "codeDim" : "codebookSize",
    replaceBelow: numberOf(replaceBelow),
    entropyWeight: numberOf(entropyWeight),
    codeDim: numberOf(codeDim),
    gradientClip: numberOf(gradientClip),
    groupNorm: fieldsOf(model).groupNorm === true,
    warmupSteps: numberOf(warmupSteps) ?? 0,
  };
}

/** A quantizer without codes that learn has no use for advice about them. */
export function hasVectors({ learning }: RunSettings): boolean {
  return learning !== "never";
}

/** Whether dead codes could be put where latents are, and are not. */
export function canReplace({ replaceBelow }: RunSettings): boolean {
  return replaceBelow === 0;
}

/** Whether its codes learn by gradient, each by itself; so may those of a quantizer that does not say. */
export function isFree({ learning = "chosen" }: RunSettings): boolean {
  return learning === "chosen";
}

/** Whether some of its codes may learn and others not. */
export function canLeaveCodes(settings: RunSettings): boolean {
  return hasVectors(settings) && settings.learning !== "all";
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
