import type { StoredTensor } from "../files/index.js";
import { createModelState, disposeModelState, storedVariables } from "./model-state.js";
import { isInitialized } from "./prepare-run.js";
import type { RunPlan } from "./run-plan.js";
import { takeWeights } from "./source-model.js";

/** What the first step of a run begins with. */
export interface StartingModel {
  /** By name, float32. */
  readonly weights: ReadonlyMap<string, StoredTensor>;
  /** Whether the codebook is still to be set from latents of the first batches. */
  readonly initialize: boolean;
}

/**
 * The model of a run before anything has been trained: fresh weights, or those of the model that it starts from. No image
 * is looked at. An engine has to be selected.
 *
 * @throws VqkitError("format") naming a weight that does not fit
 */
export async function startingModel({ config, source }: RunPlan): Promise<StartingModel> {
  const state = createModelState(config, { source: source ?? undefined });
  try {
    if (source !== null) takeWeights(state.model, source, config);
    return {
      weights: await storedVariables(state.model.variables()),
      initialize: isInitialized(config, state.model.quantizer),
    };
  } finally {
    disposeModelState(state);
  }
}
