import { forwardBytes, trainingStepBytes } from "../autoencoder/index.js";
import { type MemoryNeed, machineMemory } from "../core/oversize.js";
import {
  type Enlargement,
  enlargementOf,
  refuseOversize,
  type SourceItem,
  timesText,
} from "../data/index.js";
import type { RunConfig } from "./run-config.js";

/** What is done with crops of a size. */
export type SizeUse = "training" | "evaluation";

export interface SizeCheckOptions {
  /** Default "training". */
  readonly use?: SizeUse;
  /** Bytes; default those of this machine. */
  readonly memory?: number;
}

/**
 * Checks that a run's crops are no larger than images and memory bear: images that are enlarged more than twice (the
 * middle one of some that are looked at), or a step that the machine's memory cannot hold, have to be confirmed by
 * `allowOversize`.
 *
 * @param images their paths, or items of their source
 * @returns how the images are enlarged; null where it was not looked at
 * @throws OversizeError
 */
export async function checkSize(
  config: RunConfig,
  images: readonly (string | SourceItem)[],
  options: SizeCheckOptions = {},
): Promise<Enlargement | null> {
  const { resize, cropSize } = config.data;
  const [height, width] = cropSize;
  const enlargement = (await enlargementOf(images, { resize, cover: { height, width } })) ?? null;
  if (!config.allowOversize) {
    refuseOversize(sizeField(config), { enlargement, need: memoryNeed(config, options) });
  }
  return enlargement;
}

/** As `checkSize`, of memory alone, before any image is looked at. @throws OversizeError */
export function checkMemory(config: RunConfig, options: SizeCheckOptions = {}): void {
  if (config.allowOversize) return;
  refuseOversize("data.cropSize", { enlargement: null, need: memoryNeed(config, options) });
}

/** What a person should know of images that become larger. */
export function enlargementWarnings(enlargement: Enlargement | null): string[] {
  if (enlargement === null || enlargement.enlarged === 0) return [];
  const { enlarged, looked, median } = enlargement;
  const images = `${enlarged} of ${looked} images that were looked at`;
  const most = median.factor > 1 ? `, the middle one of all ${timesText(median.factor)}` : "";
  return [`${images} are enlarged for crops of this size${most}`];
}

function memoryNeed(config: RunConfig, options: SizeCheckOptions): MemoryNeed {
  const { use = "training", memory = machineMemory() } = options;
  const { model, data, batchSize, device } = config;
  const [height, width] = data.cropSize;
  const crops = `${batchSize} crops of ${width}×${height}`;
  const [what, bytesOf] =
    use === "training"
      ? (["a training step", trainingStepBytes] as const)
      : (["a pass", forwardBytes] as const);
  // What a GPU has is not known, and the machine's memory does not bound it.
  const bytes = device === "cpu" ? bytesOf(model, data.cropSize, batchSize) : 0;
  return { what: `${what} with ${crops}`, bytes, memory };
}

/** What enlarges the images most. */
function sizeField({ data: { resize, cropSize } }: RunConfig): string {
  return resize !== null && resize > Math.max(...cropSize) ? "data.resize" : "data.cropSize";
}
