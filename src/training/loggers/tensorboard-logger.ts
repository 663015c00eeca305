import { basename, join } from "node:path";
import { ConfigError } from "../../core/errors.js";
import { type EventContent, EventFile, type SummaryValue } from "../../files/index.js";
import { RUN_FILES } from "../../runs/index.js";
import { savedConfig } from "../run-config.js";
import type { RunEvent, RunLogger } from "./run-logger.js";
import { codeValues, evaluationValues, stepValues } from "./tensorboard-values.js";

type Start = Extract<RunEvent, { readonly type: "start" }>;

/**
 * Writes a run's figures, pictures of reconstructions, histograms of chosen codes and its configuration as event files,
 * which `tensorboard --logdir` shows. A run that is resumed continues in a file of its own, and the earlier ones are cut
 * back to where it stands, so that no step is in them twice.
 *
 * @throws VqkitError("run") from a new run in a folder that has event files; VqkitError("file")
 */
export class TensorBoardLogger implements RunLogger {
  readonly name = "TensorBoard";
  readonly #dir: string | null;
  readonly #now: () => number;
  #folder = "";
  #file: EventFile | null = null;
  #hasOriginals = false;

  /**
   * @param dir each run has a folder of its own name in it; null (the default) is the folder `tensorboard` in the run's
   * @param options.now milliseconds since 1970; default `Date.now`
   */
  constructor(dir: string | null = null, options: { readonly now?: () => number } = {}) {
    this.#dir = dir;
    this.#now = options.now ?? Date.now;
  }

  async log(event: RunEvent): Promise<void> {
    const { step } = event;
    switch (event.type) {
      case "start":
        return this.#start(event);
      case "step":
        return this.#write(stepValues(event.metrics), step);
      case "evaluation":
        return this.#write(evaluationValues(event.figures), step);
      case "codes":
        return this.#write(codeValues(event.record.codebooks, event.codebookSize), step);
      case "pictures":
        return this.#pictures(event);
      case "checkpoint":
        await this.#file?.write({ type: "checkpoint" }, step);
        return this.#file?.sync();
      case "rollback":
        return this.#begin(step);
      case "summary":
        return; // the last evaluation has its figures
      case "end":
        return this.#close();
      default:
        event satisfies never;
    }
  }

  async #start({ config, dir, step, resumed }: Start): Promise<void> {
    this.#folder = this.#folderOf(dir);
    this.#hasOriginals = false;
    await this.#begin(resumed ? step : null);
    const text = JSON.stringify(savedConfig(config), null, 2).replace(/^/gm, "    "); // Markdown for text as it is
    if (!resumed) await this.#write([{ tag: "configuration", text }], step);
  }

  #folderOf(dir: string | null): string {
    if (this.#dir !== null) return dir === null ? this.#dir : join(this.#dir, basename(dir));
    if (dir !== null) return join(dir, RUN_FILES.tensorboard);
    throw new ConfigError(
      "loggers",
      "TensorBoardLogger: expected a folder, got none, and the run writes none. Give it one: new TensorBoardLogger(dir).",
    );
  }

  async #begin(resumedFrom: number | null): Promise<void> {
    await this.#close();
    this.#file = await EventFile.begin(this.#folder, { resumedFrom, now: this.#now });
  }

  async #close(): Promise<void> {
    const file = this.#file;
    this.#file = null;
    await file?.close();
  }

  async #pictures({
    step,
    originals,
    reconstructions,
  }: Extract<RunEvent, { readonly type: "pictures" }>): Promise<void> {
    const first: SummaryValue[] = this.#hasOriginals ? [] : [{ tag: "images/originals", picture: originals }];
    this.#hasOriginals = true;
    return this.#write([...first, { tag: "images/reconstructions", picture: reconstructions }], step);
  }

  async #write(values: readonly SummaryValue[], step: number): Promise<void> {
    const content: EventContent = { type: "values", values };
    if (values.length > 0) await this.#file?.write(content, step);
  }
}
