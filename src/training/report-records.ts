import { ExampleStrips } from "../evaluation/index.js";
import type { RunEvent } from "./loggers/index.js";
import { isRecordPoint } from "./recorded-steps.js";
import { type Run, withEvaluationWeights } from "./run.js";
import type { RunRecorder } from "./run-recorder.js";

/** What only pictures and timelines need, at a few steps of a run. */
export class ReportRecords {
  readonly #run: Run;
  /** null for a run that writes nothing. */
  readonly #recorder: RunRecorder | null;
  readonly #strips: ExampleStrips;

  constructor(run: Run, recorder: RunRecorder | null) {
    this.#run = run;
    this.#recorder = recorder;
    this.#strips = new ExampleStrips(run.state.model, run.dataset);
  }

  /** Records what is due at a step. @returns what loggers are told of it */
  async record(step: number): Promise<RunEvent[]> {
    return [...(await this.#codes(step)), ...(await this.#pictures(step))];
  }

  /** The use of single codes. */
  async #codes(step: number): Promise<RunEvent[]> {
    const { config, codes, state } = this.#run;
    const { steps, timelineRecords } = config;
    if (codes === null || !isRecordPoint(step, { steps, points: timelineRecords })) return [];
    const record = await codes.record(step);
    await this.#recorder?.codes(record);
    const { codebookSize } = state.model.quantizer;
    return [{ type: "codes", step, record, codebookSize }];
  }

  /** Reconstructions of a few images; none where the model gives no numbers. */
  async #pictures(step: number): Promise<RunEvent[]> {
    const { config, loggers } = this.#run;
    const { steps, reconstructionStrips } = config;
    const isWanted = this.#recorder !== null || !loggers.isEmpty;
    if (!isWanted || !isRecordPoint(step, { steps, points: reconstructionStrips })) return [];
    const reconstructions = await withEvaluationWeights(this.#run, () => this.#strips.reconstructions());
    if (reconstructions === null) return [];
    const pictures = { originals: await this.#strips.originals(), reconstructions };
    await this.#recorder?.strip(step, pictures);
    return [{ type: "pictures", step, ...pictures }];
  }
}
