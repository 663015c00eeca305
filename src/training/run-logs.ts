import type { CodeTimelineLog, MetricsLog, RunFolder, TimelineShape } from "../runs/index.js";
import type { SavedState } from "./run-state.js";

/** Where the files of a run end that grow as it trains. */
export type LogPlace = Pick<SavedState, "metricsOffset" | "metricsKeys" | "timelineOffset">;

/** The place before step 1. */
export const START_PLACE: LogPlace = { metricsOffset: 0, metricsKeys: [], timelineOffset: 0 };

/** The files of a run that grow as it trains: they are cut back, flushed and closed together. */
export class RunLogs {
  readonly metrics: MetricsLog;
  /** null where no timeline of codes is kept. */
  readonly timeline: CodeTimelineLog | null;

  private constructor(metrics: MetricsLog, timeline: CodeTimelineLog | null) {
    this.metrics = metrics;
    this.timeline = timeline;
  }

  /**
   * Opens the files and cuts them back to where they are to grow from.
   *
   * @param shape of the codebooks that the timeline follows; null keeps none
   * @throws VqkitError("format") when they are shorter than the place says; VqkitError("file")
   */
  static async open(folder: RunFolder, shape: TimelineShape | null, place: LogPlace): Promise<RunLogs> {
    const { metricsOffset: from, metricsKeys: keys, timelineOffset } = place;
    const metrics = await folder.openMetrics({ from, keys });
    try {
      const timeline = shape && (await folder.openTimeline({ ...shape, from: timelineOffset }));
      return new RunLogs(metrics, timeline);
    } catch (error) {
      await metrics.close().catch(() => {
        // The first error says what went wrong.
      });
      throw error;
    }
  }

  /** Where the files end, once what is buffered has been written. */
  get place(): LogPlace {
    const { offset: metricsOffset, keys: metricsKeys } = this.metrics;
    return { metricsOffset, metricsKeys, timelineOffset: this.timeline?.offset ?? 0 };
  }

  /** Waits until everything is on disk. @throws VqkitError("file") */
  async sync(): Promise<void> {
    await this.metrics.sync();
    await this.timeline?.sync();
  }

  /** Writes what is buffered and closes the files, also when writing fails. @throws VqkitError("file") */
  async close(): Promise<void> {
    try {
      await this.metrics.close();
    } finally {
      await this.timeline?.close();
    }
  }
}
