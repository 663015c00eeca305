import type { EngineOptions } from "../backend/index.js";
import { VqkitError } from "../core/errors.js";
import { fieldsOf } from "../core/objects.js";
import type { DataConfig } from "../data/index.js";
import { RunFolder } from "../runs/index.js";
import { finishRun } from "./finish-run.js";
import { disposeModelState } from "./model-state.js";
import { openRun, type TrainerHooks } from "./run.js";
import { imagesOfStep, resolveRun } from "./run-config.js";
import { checkSameFiles, initialProgress } from "./run-progress.js";
import { writeFinished } from "./run-recorder.js";
import type { TrainingResult } from "./training-result.js";

export interface FinishElsewhereOptions extends TrainerHooks, EngineOptions {
  /** The images that it was trained on: those that the seed holds out are evaluated. */
  readonly images: DataConfig["images"];
  readonly signal?: AbortSignal;
}

/**
 * Gives a run that was trained elsewhere and imported what a run leaves that was trained here: figures on its held-out
 * images, the use of its codes, pictures. Reports and comparisons take it as any other from then on.
 *
 * @param dir the folder that `importTokenizer` made of a PyTorch project
 * @throws ConfigError at `data.images` for other images than it was trained on; VqkitError("run") for another run;
 * otherwise as `Trainer.create` and `evaluateModel`
 */
export async function finishTrainedElsewhere(
  dir: string,
  { images, signal, engine = "auto", device = "cpu", threads, ...hooks }: FinishElsewhereOptions,
): Promise<TrainingResult> {
  const folder = await RunFolder.open(dir);
  const { trainedBy, ...saved } = await folder.readConfig();
  if (trainedBy === undefined) {
    throw new VqkitError(
      "run",
      `${dir}: expected a run that was trained elsewhere and imported, got another. Evaluate it on images.`,
    );
  }
  const facts = fieldsOf(trainedBy);
  const lock = await RunFolder.lock(dir);
  try {
    const data = { ...fieldsOf(saved.data), images };
    // Nothing of the life of its codes was recorded.
    const own = { ...saved, data, engine, device, threads: threads ?? null, timelineRecords: 0 };
    const config = { ...resolveRun(own), out: dir };
    const { weights } = await folder.readModel();
    const run = await openRun(config, hooks, { checkpoint: { weights } });
    try {
      if (typeof facts.files === "string") checkSameFiles(run.dataset, { files: facts.files });
      const { imagesPerSecond, seconds } = facts;
      const progress = {
        ...initialProgress(run.dataset),
        step: config.steps,
        trainingSeconds: typeof seconds === "number" ? seconds : 0,
      };
      const stepSeconds = typeof imagesPerSecond === "number" ? [imagesOfStep(config) / imagesPerSecond] : [];
      return await finishRun(
        run,
        {
          loop: { progress, stepSeconds, evaluation: undefined },
          recorder: { finish: (finished) => writeFinished(folder, config, finished) },
        },
        signal,
      );
    } finally {
      disposeModelState(run.state);
    }
  } finally {
    lock.release();
  }
}
