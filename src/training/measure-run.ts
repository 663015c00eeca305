import { median } from "../metrics/index.js";
import type { TrainerHooks } from "./run.js";
import { imagesOfStep } from "./run-config.js";
import type { RunDescription } from "./run-description.js";
import { RunPlan } from "./run-plan.js";
import type { StepMetrics } from "./step-metrics.js";
import { Trainer } from "./trainer.js";

/** The first steps compile what the others only run. */
const WARM_UP_STEPS = 2;
const FEWEST_STEPS = 5;
/** Beyond the fewest steps, measuring lasts this long. */
const SECONDS = 3;

/** What a training would take, measured on some of its steps. */
export interface RunMeasurement {
  readonly description: RunDescription;
  /** Median over `measuredSteps`. */
  readonly stepSeconds: number;
  readonly measuredSteps: number;
  /** Before step 1: the first codes are chosen, and the untrained model is evaluated. */
  readonly preparationSeconds: number;
  /** One evaluation. */
  readonly evaluationSeconds: number;
  /** How many a whole run makes, behind step 1. */
  readonly evaluations: number;
  /** Of the whole run, without writing its files. */
  readonly totalSeconds: number;
  /** Bytes: the most memory that this process has held since it started, without a GPU's own. */
  readonly peakBytes: number;
}

export interface MeasureOptions extends TrainerHooks {
  readonly signal?: AbortSignal;
}

/**
 * Makes the first steps of a training, and evaluates once, to tell what the whole would take. Writes nothing.
 *
 * @throws as `Trainer.create` and `Trainer.run`, but for the run folder, which is not looked at
 */
export async function measureRun(plan: RunPlan, options: MeasureOptions = {}): Promise<RunMeasurement> {
  const { signal, loggers: _, ...hooks } = options;
  const config = { ...plan.config, out: null };
  const trainer = await Trainer.create(new RunPlan(config, plan.source), hooks);
  try {
    const began = performance.now();
    const { steps, preparationSeconds } = await firstSteps(trainer, began, signal);
    const evaluationBegan = performance.now();
    await trainer.evaluate({ signal });
    const evaluationSeconds = secondsSince(evaluationBegan);
    const stepSeconds = median(steps.map(({ imagesPerSecond }) => imagesOfStep(config) / imagesPerSecond));
    const evaluations = evaluationsIn(config);
    return {
      description: trainer.describe(),
      stepSeconds,
      measuredSteps: steps.length,
      preparationSeconds,
      evaluationSeconds,
      evaluations,
      totalSeconds: preparationSeconds + stepSeconds * config.steps + evaluationSeconds * evaluations,
      peakBytes: process.resourceUsage().maxRSS * 1024,
    };
  } finally {
    trainer.dispose();
  }
}

/** @returns the steps that count, and how long it took until the first began */
async function firstSteps(
  trainer: Trainer,
  began: number,
  signal: AbortSignal | undefined,
): Promise<{ readonly steps: readonly StepMetrics[]; readonly preparationSeconds: number }> {
  const all: StepMetrics[] = [];
  let preparationSeconds = 0;
  let measured = began;
  for await (const metrics of trainer.run(signal === undefined ? {} : { signal })) {
    all.push(metrics);
    if (all.length === 1) preparationSeconds = secondsSince(began) - metrics.elapsedSeconds;
    if (all.length <= WARM_UP_STEPS) measured = performance.now();
    else if (all.length >= WARM_UP_STEPS + FEWEST_STEPS && secondsSince(measured) >= SECONDS) break;
  }
  // A run as short as its warm-up has nothing better.
  const steps = all.length > WARM_UP_STEPS ? all.slice(WARM_UP_STEPS) : all;
  return { steps, preparationSeconds };
}

/** In training every so many steps, and at the end, which may be one of these. */
function evaluationsIn({ steps, evaluateEvery }: RunPlan["config"]): number {
  if (evaluateEvery === null) return 1;
  return Math.ceil(steps / evaluateEvery);
}

function secondsSince(time: number): number {
  return (performance.now() - time) / 1000;
}
