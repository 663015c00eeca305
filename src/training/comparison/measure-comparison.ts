import { releaseGraphs } from "../../backend/index.js";
import { type MeasureOptions, measureRun, type RunMeasurement } from "../measure-run.js";
import { RunPlan } from "../run-plan.js";
import { readSource } from "../source-model.js";
import { findOnce } from "./find-once.js";
import { type ComparisonOptions, type PlannedRun, planComparison } from "./plan.js";

/** One run of a comparison, and what it would take. */
export interface MeasuredRun extends Pick<PlannedRun, "quantizer" | "seed" | "swept"> {
  readonly measurement: RunMeasurement;
}

/**
 * Measures what each run of a comparison would take, as `measureRun` does; runs that differ in their seed alone share one
 * measurement. Writes nothing.
 *
 * @throws as `planComparison` and `measureRun`
 */
export async function* measureComparison(
  options: ComparisonOptions,
  control: MeasureOptions = {},
): AsyncGenerator<MeasuredRun, void, undefined> {
  const source = await readSource(options.base?.from);
  const find = findOnce();
  const known = new Map<string, RunMeasurement>();
  for (const { quantizer, seed, swept, config } of planComparison(options, source)) {
    const key = JSON.stringify([quantizer, swept]);
    const measurement =
      known.get(key) ?? (await measureRun(new RunPlan(config, source), { find, ...control }));
    if (!known.has(key)) await releaseGraphs();
    known.set(key, measurement);
    yield { quantizer, seed, swept, measurement };
  }
}
