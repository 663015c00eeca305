import { type RunConfig, type RunOptions, resolveRun } from "./run-config.js";
import { completed, readSource, type SourceModel } from "./source-model.js";

/** A run whose options have been checked and completed, once: what a trainer is made of. */
export class RunPlan {
  readonly config: RunConfig;
  /** The model that the run starts from; null for fresh weights. */
  readonly source: SourceModel | null;

  /** @param source the model that `config.from` names, however its codebook was to be used when it was read */
  constructor(config: RunConfig, source: SourceModel | null) {
    this.config = config;
    this.source = source === null || config.from === null ? null : { ...source, from: config.from };
  }

  /** The same run, written into this folder. */
  writtenTo(out: string): RunPlan {
    return new RunPlan({ ...this.config, out }, this.source);
  }
}

/**
 * Resolves a run's options: with what they leave open as in the model that `from` names, then as the recipe has it, then
 * with every default written out. Reads that model, and writes nothing.
 *
 * @throws ConfigError that names the wrong option; VqkitError("run" | "format" | "file") for a model that cannot be read
 */
export async function planRun(options: RunOptions | RunConfig): Promise<RunPlan> {
  const source = await readSource(options.from);
  return new RunPlan(resolveRun(source === null ? options : completed(options, source)), source);
}
