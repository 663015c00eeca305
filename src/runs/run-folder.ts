import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { VqkitError } from "../core/errors.js";
import { isObject } from "../core/objects.js";
import type { TensorMap } from "../files/index.js";
import {
  clearLeftovers,
  errnoOf,
  FolderLock,
  fileError,
  formatError,
  isContent,
  type JsonObject,
  makeFolder,
  readFormattedFile,
  readJsonFile,
  removeTemporaries,
  syncFolder,
  writeFileAtomic,
  writeJsonFile,
} from "../files/index.js";
import type { MetricCard } from "../metrics/index.js";
import { Checkpoints, type CheckpointsOptions } from "./checkpoints.js";
import { CodeTimelineLog } from "./code-timeline.js";
import type { TimelineShape } from "./code-timeline-format.js";
import { MetricsLog, type MetricsLogOptions, type ReadMetricsOptions, readMetrics } from "./metrics-log.js";
import { type ModelFile, readModelFile, writeModelFile } from "./model-file.js";
import { ReconstructionStrips } from "./reconstruction-strips.js";
import { readUsageFile, type UsageRecord, writeUsageFile } from "./usage-file.js";

/** What a run leaves, by name. `config` goes last when a run is removed: until then the folder is known as a run. */
export const RUN_FILES = {
  metrics: "metrics.jsonl",
  model: "model.safetensors",
  checkpoints: "checkpoints",
  timeline: "timeline.vqt",
  strips: "reconstructions",
  tensorboard: "tensorboard",
  usage: "usage.json",
  summary: "summary.json",
  report: "report.html",
  reconstructions: "reconstructions.png",
  config: "config.json",
} as const;

/** The final figures of a run, and the conventions they were computed by. */
export interface RunSummary {
  readonly conventions: MetricCard;
  readonly figures: JsonObject;
}

const RUN_FORMAT = { format: "vqkit-run", formatVersion: 1 } as const;
const UNTRAINED_HERE =
  "got a model alone, imported or pruned, which has no figures of a training. Evaluate it on images.";
const SUMMARY_FORMAT = { format: "vqkit-summary", formatVersion: 1 } as const;

/**
 * The folder a training run writes, and the tokenizer and the reports read. It has one writer at a time, which `lock`
 * sees to; files are written whole or not at all.
 */
export class RunFolder {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /**
   * Makes a folder for a new run. Write the config first: it is what marks the folder as a run.
   *
   * @param options.overwrite remove an earlier run there first: its own files only, other files stay
   * @throws VqkitError("run") when the folder is not empty and `overwrite` is off, or it holds something other than a
   * run; VqkitError("file")
   */
  static async create(dir: string, options: { readonly overwrite?: boolean } = {}): Promise<RunFolder> {
    const isNew = await checkAvailable(dir, options.overwrite ?? false);
    try {
      await makeFolder(dir);
      await clearLeftovers(dir);
      if (!isNew) await removeRun(dir);
    } catch (error) {
      throw errnoOf(error) === undefined ? error : fileError(dir, "prepare the folder", error);
    }
    return new RunFolder(dir);
  }

  /**
   * Checks that nobody is known to write into a folder and that `create` would accept it, and touches nothing: for those
   * who must know before they compute.
   *
   * @throws VqkitError("locked") naming the process that writes there; else as `create` does
   */
  static async check(dir: string, options: { readonly overwrite?: boolean } = {}): Promise<void> {
    await FolderLock.check(dir);
    await checkAvailable(dir, options.overwrite ?? false);
  }

  /**
   * Opens a run that exists.
   *
   * @throws VqkitError("run") when there is no folder, or it holds no run; VqkitError("format") for a config of another
   * version; VqkitError("file")
   */
  static async open(dir: string): Promise<RunFolder> {
    const names = await existing(dir, { required: true });
    if (!names.includes(RUN_FILES.config)) {
      throw new VqkitError(
        "run",
        `${dir}: expected ${RUN_FILES.config} of a vqkit run, got ${items(names.length)} without it. Give the folder that training wrote.`,
      );
    }
    const run = new RunFolder(dir);
    await run.readConfig();
    return run;
  }

  /**
   * Keeps a folder for one writer, making it where there is none: before `create` for a new run, or to continue one.
   *
   * @throws VqkitError("locked") naming the process that writes there; VqkitError("file")
   */
  static async lock(dir: string): Promise<FolderLock> {
    return FolderLock.acquire(dir);
  }

  /** The path of one of the run's files. */
  path(file: keyof typeof RUN_FILES): string {
    return join(this.dir, RUN_FILES[file]);
  }

  /**
   * Whether it holds a model and no record of a training, as importing and pruning leave it.
   *
   * @throws VqkitError("run" | "file")
   */
  async isModelAlone(): Promise<boolean> {
    return isModelAlone(await existing(this.dir, { required: true }));
  }

  /** Writes the resolved configuration. @throws VqkitError("numerics" | "file") */
  async writeConfig(config: JsonObject): Promise<void> {
    await writeJsonFile(this.path("config"), { ...RUN_FORMAT, config });
  }

  /** The resolved configuration, for its owner to check. @throws VqkitError("format" | "file") */
  async readConfig(): Promise<Readonly<Record<string, unknown>>> {
    const { config } = await readFormattedFile(this.path("config"), RUN_FORMAT);
    if (!isObject(config)) throw formatError(this.path("config"), 'expected an object under "config".');
    return config;
  }

  /** Writes the weights and the configuration that rebuilds the model. @throws VqkitError("format" | "numerics" | "file") */
  async writeModel(model: { readonly weights: TensorMap; readonly config: JsonObject }): Promise<void> {
    await writeModelFile(this.path("model"), model);
  }

  /** Reads the weights. @throws VqkitError("run") when there are none; VqkitError("format" | "file") */
  async readModel(): Promise<ModelFile> {
    return this.#need("model", "finish its training", readModelFile);
  }

  /** Writes codebook counts and every figure derived from them. @throws VqkitError("codes" | "file") */
  async writeUsage(usage: UsageRecord): Promise<void> {
    await writeUsageFile(this.path("usage"), usage);
  }

  /** @throws VqkitError("run") when there is none; VqkitError("format" | "codes" | "file") */
  async readUsage(): Promise<UsageRecord> {
    return this.#need("usage", "finish its training", readUsageFile);
  }

  /** Writes the final figures. @throws VqkitError("numerics") for a figure that is not finite; VqkitError("file") */
  async writeSummary({ conventions, figures }: RunSummary): Promise<void> {
    await writeJsonFile(this.path("summary"), { ...SUMMARY_FORMAT, conventions, figures });
  }

  /** @throws VqkitError("run") when there is none; VqkitError("format" | "file") */
  async readSummary(): Promise<RunSummary> {
    return this.#need("summary", "finish its training", async (path) => {
      const { conventions, figures } = await readFormattedFile(path, SUMMARY_FORMAT);
      if (!isCard(conventions))
        throw formatError(path, 'expected texts, numbers and booleans under "conventions".');
      if (!isObject(figures)) throw formatError(path, 'expected an object under "figures".');
      return { conventions, figures: figures as JsonObject }; // it came out of JSON
    });
  }

  /** Opens the metrics log to append to. @throws as `MetricsLog.open` */
  async openMetrics(options: MetricsLogOptions = {}): Promise<MetricsLog> {
    return MetricsLog.open(this.path("metrics"), options);
  }

  /** The metrics, record by record. @throws VqkitError("format" | "file") while reading */
  metrics(
    options: ReadMetricsOptions = {},
  ): AsyncGenerator<Readonly<Record<string, unknown>>, void, undefined> {
    return readMetrics(this.path("metrics"), options);
  }

  /** The resumable states of the run. @throws VqkitError("run") for a `keep` that is no integer >= 1 */
  checkpoints(options: CheckpointsOptions): Checkpoints {
    return new Checkpoints(this.path("checkpoints"), options);
  }

  /** Opens the timeline of codes to append to. @throws as `CodeTimelineLog.open` */
  async openTimeline(options: TimelineShape & { readonly from: number }): Promise<CodeTimelineLog> {
    return CodeTimelineLog.open(this.path("timeline"), options);
  }

  /** The pictures of reconstructions that were made in training. */
  strips(): ReconstructionStrips {
    return new ReconstructionStrips(this.path("strips"));
  }

  /** Writes the report, a picture. @throws VqkitError("file") */
  async writeFile(file: "report" | "reconstructions", content: string | Uint8Array): Promise<void> {
    await writeFileAtomic(this.path(file), content);
  }

  /** Clears files in progress that a killed writer left; called by whoever continues the run. @throws VqkitError("file") */
  async removeTemporaries(): Promise<number> {
    let removed = await clearLeftovers(this.dir);
    for (const folder of [this.path("checkpoints"), this.path("strips")]) {
      removed += await removeTemporaries(folder);
    }
    return removed;
  }

  /** Removes the final figures, which say that a run is finished, before it is continued. @throws VqkitError("file") */
  async removeSummary(): Promise<void> {
    const path = this.path("summary");
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw fileError(path, "remove", error);
    }
  }

  async #need<T>(
    file: keyof typeof RUN_FILES,
    remedy: string,
    read: (path: string) => Promise<T>,
  ): Promise<T> {
    const names = await existing(this.dir, { required: true });
    if (!names.includes(RUN_FILES[file])) {
      const got = isModelAlone(names) ? UNTRAINED_HERE : `got a run without it. First ${remedy}.`;
      throw new VqkitError("run", `${this.dir}: expected ${RUN_FILES[file]}, ${got}`);
    }
    return read(this.path(file));
  }
}

/** Refuses a folder that a new run may not take; returns whether it is new or empty. */
async function checkAvailable(dir: string, overwrite: boolean): Promise<boolean> {
  const names = await existing(dir);
  if (names.length === 0) return true;
  if (!(await holdsRun(dir))) {
    throw new VqkitError(
      "run",
      `${dir}: expected a new or empty folder${overwrite ? ", or a vqkit run to overwrite" : ""}, got one with ${items(names.length)} and no run in it. Choose another folder.`,
    );
  }
  if (!overwrite) {
    throw new VqkitError(
      "run",
      `${dir}: expected a new or empty folder, got an earlier run. Choose another folder, or replace it (option overwrite).`,
    );
  }
  return false;
}

function isModelAlone(names: readonly string[]): boolean {
  return names.includes(RUN_FILES.model) && !names.includes(RUN_FILES.metrics);
}

/** Names in a folder that count (`isContent`); none when there is no folder, unless it is required. */
async function existing(dir: string, { required = false } = {}): Promise<string[]> {
  try {
    return (await readdir(dir)).filter(isContent);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOTDIR")
      throw new VqkitError("run", `${dir}: expected a folder, got a file.`, { cause: error });
    if (code !== "ENOENT") throw fileError(dir, "read the folder", error);
    if (!required) return [];
    throw new VqkitError("run", `${dir}: expected a run folder, got nothing of that name. Check the path.`, {
      cause: error,
    });
  }
}

/** Whether a folder was written by vqkit, in whatever version: the one ground on which anything is removed. */
async function holdsRun(dir: string): Promise<boolean> {
  try {
    const value = await readJsonFile(join(dir, RUN_FILES.config));
    return isObject(value) && value.format === RUN_FORMAT.format;
  } catch (error) {
    // Not to be read, or not JSON: not known as a run, so nothing there is ours to remove.
    if (error instanceof VqkitError && (error.code === "format" || error.code === "file")) return false;
    throw error;
  }
}

async function removeRun(dir: string): Promise<void> {
  for (const name of Object.values(RUN_FILES)) await rm(join(dir, name), { recursive: true, force: true });
  await syncFolder(dir);
}

function isCard(value: unknown): value is MetricCard {
  return (
    isObject(value) &&
    Object.values(value).every((line) => ["string", "number", "boolean"].includes(typeof line))
  );
}

function items(count: number): string {
  return count === 1 ? "1 entry" : `${count} entries`;
}
