import { VqkitError } from "../core/errors.js";
import { isObject } from "../core/objects.js";
import type { LockOwner } from "../files/index.js";
import type { CodeTimeline } from "../metrics/index.js";
import { quantizerFacts } from "../quantizers/family/index.js";
import type { DiagnosedRun } from "../reports/diagnosis/index.js";
import { type Diagnosis, diagnose } from "../reports/diagnosis/index.js";
import type { TrainingCurves, UsageEvidence, UsageReport } from "../reports/records/index.js";
import { type RunRecord, readRunRecord, runUsage } from "../reports/records/index.js";
import { type Origin, originOf, type RunFolder, readCodeTimeline } from "../runs/index.js";
import { MetricsWatch } from "./metrics-watch.js";
import { RecentlyUsed } from "./recently-used.js";
import type { CataloguedRun } from "./run-catalogue.js";
import type { RunState } from "./run-files.js";

/**
 * `training`: a process is writing it. `finished`: it has its final figures. `model`: a model that was not trained there,
 * as importing and pruning leave it. `stopped`: none of these.
 */
export type RunStatus = "training" | "finished" | "model" | "stopped";

/** What a run's configuration says of it, as far as it is what it should be. */
export interface RunPlan {
  /** The quantizer's kind. */
  readonly quantizer?: string;
  /** K, where the configuration states it. */
  readonly codebookSize?: number;
  readonly codeDim?: number;
  readonly steps?: number;
  readonly seed?: number;
}

/** Everything that the page of one run shows. */
export interface RunView {
  readonly run: CataloguedRun;
  readonly folder: RunFolder;
  readonly status: RunStatus;
  readonly writer: LockOwner | undefined;
  /** Milliseconds since 1970. */
  readonly changed: number;
  readonly version: string;
  readonly plan: RunPlan;
  /** The published tokenizer that its model goes back to. */
  readonly origin: Origin | undefined;
  readonly curves: TrainingCurves;
  /** Final figures, of a finished run. */
  readonly record: RunRecord | undefined;
  /** How its codes were used over training; the same object as long as the file is the same. */
  readonly timeline: CodeTimeline | undefined;
  /** Steps of which there is a picture of reconstructions, ascending. */
  readonly strips: readonly number[];
  readonly usage: { readonly report: UsageReport; readonly evidence: UsageEvidence } | undefined;
  readonly diagnosis: Diagnosis;
  /** What could not be read, and why. */
  readonly problems: readonly string[];
}

/** Runs whose metrics are held; those of others are read again when they are asked for. */
const HELD = 16;

/** Reads runs, each file again only when it has changed. */
export class RunViews {
  readonly #watches = new RecentlyUsed<MetricsWatch>(HELD);
  readonly #timelines = new RecentlyUsed<{
    readonly version: string;
    readonly timeline: CodeTimeline | undefined;
  }>(HELD);
  readonly #views = new RecentlyUsed<{ readonly version: string; readonly view: Promise<RunView> }>(HELD);

  /**
   * @param state of now
   * @throws VqkitError("run" | "format" | "file") for a run that is gone, or is none
   */
  async view(run: CataloguedRun, state: RunState): Promise<RunView> {
    const known = this.#views.get(run.id, () => this.#reading(run, state));
    if (known.version === state.version) return known.view;
    const fresh = this.#reading(run, state);
    this.#views.set(run.id, fresh);
    return fresh.view;
  }

  #reading(run: CataloguedRun, state: RunState) {
    const view = this.#read(run, state);
    const reading = { version: state.version, view };
    // What failed is tried anew the next time; whoever waits for it now gets the error.
    view.catch(() => this.#views.delete(run.id, reading));
    return reading;
  }

  async #read(run: CataloguedRun, state: RunState): Promise<RunView> {
    const { folder, writer, isFinished, isModel, changed, version } = state;
    const problems: string[] = [];
    const config = await folder.readConfig();
    const plan = planOf(config);
    // A run that is overwritten by another has another configuration, and nothing of the old one's figures.
    const watched = `${run.id} ${state.configVersion}`;
    const watch = this.#watches.get(watched, () => new MetricsWatch(folder, diagnosedRun(plan, config)));
    const { curves, record: history, problem } = await watch.read();
    if (problem !== undefined) problems.push(problem);
    const record = await readable(readRunRecord(folder), problems);
    const timeline = await readable(this.#timeline(run, state), problems);
    const strips = await readable(folder.strips().list(), problems);
    const usage = await readable(runUsage(folder, { curves }), problems);
    const final = record === undefined ? {} : finalFigures(record);
    return {
      run,
      folder,
      status: isFinished ? "finished" : writer !== undefined ? "training" : isModel ? "model" : "stopped",
      origin: originOf(config),
      writer,
      changed,
      version,
      plan,
      curves,
      record,
      timeline,
      strips: (strips ?? []).map(({ step }) => step),
      usage,
      diagnosis: diagnose({ ...history, ...final }),
      problems,
    };
  }

  async #timeline({ id }: CataloguedRun, { folder, timelineVersion }: RunState) {
    const known = this.#timelines.peek(id);
    if (known?.version === timelineVersion) return known.timeline;
    const timeline = (await readCodeTimeline(folder)) ?? undefined;
    this.#timelines.set(id, { version: timelineVersion, timeline });
    return timeline;
  }
}

/** The value; undefined where the run has none yet, or where it cannot be read, which is then noted. */
async function readable<T>(value: Promise<T>, problems: string[]): Promise<T | undefined> {
  try {
    return await value;
  } catch (error) {
    if (!(error instanceof VqkitError)) throw error;
    if (error.code !== "run") problems.push(error.message);
    return undefined;
  }
}

function finalFigures({ figures }: RunRecord) {
  const { codebookSize, codeDim } = figures.quantizer;
  const meanColourPsnr = figures.meanColour?.psnr ?? null;
  const { final, heldOut } = figures;
  return { codebookSize, ...(codeDim === null ? {} : { codeDim }), final, heldOut, meanColourPsnr };
}

function diagnosedRun({ codebookSize, codeDim, steps }: RunPlan, config: unknown): DiagnosedRun {
  const plannedSteps = steps ?? null;
  return { codebookSize: codebookSize ?? null, codeDim: codeDim ?? null, plannedSteps, config };
}

function planOf(config: Readonly<Record<string, unknown>>): RunPlan {
  const quantizer = isObject(config.quantizer) ? config.quantizer : {};
  const { kind } = quantizer;
  return {
    ...(typeof kind === "string" ? { quantizer: kind } : {}),
    ...numbersOf({
      codebookSize: quantizer.codebookSize ?? quantizerFacts(quantizer)?.codebookSize,
      codeDim: quantizer.codeDim,
    }),
    ...numbersOf({ steps: config.steps, seed: config.seed }),
  };
}

/** The fields that are numbers. */
function numbersOf<K extends string>(fields: Readonly<Record<K, unknown>>): { readonly [N in K]?: number } {
  const numbers = Object.entries(fields).filter(([, value]) => typeof value === "number");
  return Object.fromEntries(numbers) as { readonly [N in K]?: number };
}
