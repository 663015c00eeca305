import type { EvaluationNetworks } from "../src/evaluation/index.js";
import type { EvaluationProgress, NetworkOnQueue } from "../src/queue/index.js";
import type { RunConfig } from "../src/training/index.js";
import type { BrokenImages } from "./broken-images.js";
import type { EngineFlags } from "./engine-options.js";
import { engineOptions } from "./engine-options.js";
import { Interrupted } from "./errors.js";
import type { Evaluations } from "./evaluate-here.js";
import type { NamedModel } from "./evaluation-settings.js";
import { isNetworkSpec, networkSpec } from "./network-spec.js";
import { startProgress } from "./progress.js";
import { addressOf, type QueueFlags, submissionOptions } from "./queue-flags.js";
import { QueueWatch } from "./queue-watch.js";
import type { Terminal } from "./terminal.js";

/** Values of the flags that say what is measured on a queue. */
export interface QueuedEvaluationFlags extends QueueFlags, EngineFlags {
  readonly lpips?: string;
  readonly fid?: string;
  readonly fidReference?: string;
  readonly resume?: boolean;
  readonly quiet?: boolean;
}

/** Lets the workers of a queue measure models. @throws Interrupted saying how to resume */
export async function evaluatedOnQueue(
  terminal: Terminal,
  models: readonly NamedModel[],
  {
    config: { data, loss, batchSize },
    networks,
    flags,
    broken,
  }: {
    readonly config: RunConfig;
    readonly networks: EvaluationNetworks;
    readonly flags: QueuedEvaluationFlags;
    readonly broken: BrokenImages;
  },
): Promise<Evaluations> {
  const { evaluateModels } = await import("../src/queue/index.js");
  const { quiet = false } = flags;
  const watch = new QueueWatch(terminal, { quiet });
  let total: number | undefined;
  const progress = startProgress(terminal, {
    ...{ label: "evaluating", total: () => total, unit: "crops at most", quiet },
  });
  const networkFiles = filesOf(flags);
  try {
    const { models: evaluations, meanColour } = await evaluateModels(
      { models, data, loss, batchSize, networks, networkFiles, engine: engineOptions(flags) },
      {
        queue: addressOf(String(flags.queue)),
        ...submissionOptions(flags),
        ...broken.hooks,
        resume: flags.resume ?? false,
        signal: terminal.signal,
        onProgress: (state: EvaluationProgress) => {
          total = state.imagesTotal;
          progress.update(state.images, watch.show(state, "pieces"));
        },
      },
    );
    return { evaluations, meanColour };
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(`${error.message} To resume: the same command with --resume.`);
  } finally {
    progress.stop();
  }
}

function filesOf({ lpips, fid, fidReference }: QueuedEvaluationFlags) {
  const files: Partial<Record<keyof EvaluationNetworks, NetworkOnQueue>> = {};
  if (lpips !== undefined && isNetworkSpec(lpips)) {
    const { kind, weights, heads } = networkSpec(lpips);
    files.lpips = { file: weights, kind, ...(heads === undefined ? {} : { heads }) };
  } else if (lpips !== undefined) files.lpips = { file: lpips };
  if (fid !== undefined) files.fid = { file: fid };
  if (fidReference !== undefined) files.fidReference = { file: fidReference };
  return files;
}
