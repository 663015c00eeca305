/**
 * Logs a training to Weights & Biases, with their package beside vqkit (`npm install @wandb/sdk`):
 *
 *     import wandb from "@wandb/sdk";
 *     const trainer = await Trainer.create(options, { loggers: [wandbLogger(wandb)] });
 */
import type { RunLogger } from "vqkit/training";

/** What is used of the package. */
export interface Wandb {
  init(options: { readonly project: string; readonly config: unknown }): Promise<unknown>;
  log(figures: Record<string, unknown>, step: number): void;
  finish(): Promise<void>;
}

export function wandbLogger(wandb: Wandb, project = "vqkit"): RunLogger {
  return {
    name: "W&B",
    async log(event) {
      if (event.type === "start") await wandb.init({ project, config: event.config });
      if (event.type === "step") wandb.log({ ...event.metrics }, event.step);
      if (event.type === "evaluation") wandb.log({ evaluation: event.figures }, event.step);
      if (event.type === "end") await wandb.finish();
    },
  };
}
