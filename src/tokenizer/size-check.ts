import { type AutoencoderConfig, encodingBytes } from "../autoencoder/index.js";
import { type MemoryNeed, machineMemory, memoryFault } from "../core/oversize.js";
import { enlargementOf, refuseOversize, type Size, type SourceItem } from "../data/index.js";
import type { EncodeSettings } from "./encode-options.js";
import { partsAtOnce } from "./image-batches.js";
import { transformOf } from "./prepared-image.js";

/**
 * Checks that images are not enlarged more than twice to be encoded (the middle one of those given), and that what goes
 * through the model at once fits into memory, unless `allowOversize` confirms it. Images of their own size are checked
 * one by one (`passFault`).
 *
 * @param memory bytes; default those of this machine
 * @throws OversizeError
 */
export async function checkEncodeSize(
  items: readonly SourceItem[],
  settings: EncodeSettings,
  { model, memory = machineMemory() }: { readonly model: AutoencoderConfig; readonly memory?: number },
): Promise<void> {
  if (settings.allowOversize || settings.policy === "native") return;
  const { policy, size, batchSize } = settings;
  const isScaled = policy !== "tile";
  const enlargement = isScaled ? ((await enlargementOf(items, transformOf(settings))) ?? null) : null;
  refuseOversize("size", { enlargement, need: passNeed(size, { model, memory, batchSize }) });
}

/** Why an image cannot go through the model as a whole; undefined where memory suffices. */
export function passFault(
  size: Size,
  { model, memory = machineMemory() }: { readonly model: AutoencoderConfig; readonly memory?: number },
): string | undefined {
  const fault = memoryFault(passNeed(size, { model, memory, batchSize: 1 }));
  return fault === undefined
    ? undefined
    : `an image that is too large: ${fault} (the policy "tile" needs less)`;
}

function passNeed(
  size: Size,
  {
    model,
    memory,
    batchSize,
  }: { readonly model: AutoencoderConfig; readonly memory: number; readonly batchSize: number },
): MemoryNeed {
  const { height, width } = size;
  const count = partsAtOnce(size, batchSize);
  const what = `encoding ${count === 1 ? "" : `${count} images of `}${width}×${height} pixels at once`;
  return { what, bytes: encodingBytes(model, [height, width], count), memory };
}
