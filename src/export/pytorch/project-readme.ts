import type { RunConfig } from "../../training/index.js";

/** What the README of a project is told. */
export interface ProjectFacts {
  readonly config: RunConfig;
  readonly version: string;
  /** Whether the weights are a trained model's, and not fresh ones. */
  readonly isTrained: boolean;
  readonly initialize: boolean;
}

/**
 * The README of a project: how it is trained and taken back.
 *
 * @param template `python/README.md`
 * @param name the title
 */
export function projectReadme(template: string, facts: ProjectFacts, name: string): string {
  const { config, version, isTrained, initialize } = facts;
  const { quantizer, steps, batchSize, accumulate, model, checkpointEvery } = config;
  const values: Readonly<Record<string, string | number>> = {
    name,
    version,
    kind: quantizer.kind,
    factor: model.downsamplingFactor,
    steps,
    images:
      accumulate === 1 ? `${batchSize} images` : `${accumulate} times ${batchSize} images, one after another`,
    start: isTrained
      ? "the weights of a trained model"
      : `fresh weights${initialize ? "; the codebook is set from the first batches" : ""}`,
    checkpointEvery: checkpointEvery ?? steps,
  };
  return template.replace(/\{(\w+)\}/g, (text, field: string) => String(values[field] ?? text));
}
