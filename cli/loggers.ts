import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import type { TrainerHooks } from "../src/training/index.js";
import type { FlagValues } from "./gather-config.js";

export const TENSORBOARD_FLAG = "--tensorboard";
export const TENSORBOARD_HELP =
  "write event files for TensorBoard, into the folder tensorboard of each run; a run that has them goes on with them when it is resumed";

/** Of a run: `RUN_FILES.tensorboard`, which the start of the program need not load the library for. */
const FOLDER = "tensorboard";

/**
 * What the flags say of loggers.
 *
 * @param resumed the run or comparison that is resumed
 * @param tell writes a line that stays, also where the user asked for quiet
 */
export async function loggerHooks(
  { tensorboard }: FlagValues,
  resumed: string | undefined,
  tell: (line: string) => void,
): Promise<Pick<TrainerHooks, "loggers" | "onLoggerFailed">> {
  if (tensorboard !== true && (resumed === undefined || !hasEventFiles(resumed))) return {};
  const { TensorBoardLogger } = await import("../src/training/index.js");
  return {
    loggers: [new TensorBoardLogger()],
    onLoggerFailed: ({ message }) => tell(`warning    ${message} The run goes on without it.`),
  };
}

/** Whether a run, or one of a comparison's, has event files. */
function hasEventFiles(dir: string): boolean {
  if (!existsSync(dir)) return false;
  const inside = readdirSync(dir, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [".", ...inside.map(({ name }) => name)].some((name) => existsSync(path.join(dir, name, FOLDER)));
}
