import {
  ENLARGEMENT_SAMPLE,
  mapAhead,
  openSource,
  type Size,
  type SourceInput,
  type SourceItem,
} from "../data/index.js";
import type { EncodeAllOptions, EncodeCallOptions } from "./call-options.js";
import { type Codes, concatCodes, type EncodedBatch, scalesOf } from "./codes.js";
import type { DecodedImage } from "./decoded-image.js";
import type { EncodeSettings } from "./encode-options.js";
import { imageBatches, type PreparedBatch, partsAtOnce, pixelsOf } from "./image-batches.js";
import { imageSideOf, type Passes } from "./passes/passes.js";
import { type ImageTaker, prepareImage } from "./prepared-image.js";
import { checkEncodeSize, passFault } from "./size-check.js";
import { WholeImages } from "./whole-images.js";

type ItemOptions = Pick<EncodeAllOptions, "onBroken" | "onNote" | "start" | "signal" | "mayBeEmpty">;
type SourceOptions = ItemOptions & Pick<EncodeAllOptions, "onPassedOver" | "outputs" | "column">;

/** Images to indices, by a model's passes. */
export class ImageEncoder {
  readonly #passes: Passes;

  constructor(passes: Passes) {
    this.#passes = passes;
  }

  /** @throws as `checkEncodeSize` */
  checkSize(items: readonly SourceItem[], settings: EncodeSettings): Promise<void> {
    return checkEncodeSize(items, settings, { model: this.#passes.facts.config });
  }

  /** What `Tokenizer.encodeAll` yields. */
  async *encodeSource(
    source: SourceInput,
    settings: EncodeSettings,
    { column, onPassedOver, outputs, ...options }: SourceOptions,
  ): AsyncGenerator<EncodedBatch, void, undefined> {
    const { onBroken } = options;
    const items = await openSource(source, {
      ...(outputs === undefined ? {} : { outputs }),
      ...(onPassedOver === undefined ? {} : { onPassedOver }),
      ...(column === undefined ? {} : { column }),
      ...(onBroken === undefined ? {} : { onBroken }),
    });
    await this.checkSize(await items.sample(ENLARGEMENT_SAMPLE), settings);
    yield* this.encodeItems(items, settings, options);
  }

  /** Batch by batch, in order. */
  encodeItems(
    items: AsyncIterable<SourceItem> | Iterable<SourceItem>,
    settings: EncodeSettings,
    { signal, ...options }: ItemOptions = {},
  ): AsyncGenerator<EncodedBatch, void, undefined> {
    const batches = imageBatches(items, { settings, ...this.#taker(settings), ...options });
    const encoded = async (batch: PreparedBatch) => ({
      ...(await this.#encodeBatch(batch, settings.batchSize, signal)),
      ...batch.progress,
    });
    return mapAhead(batches, encoded, { ahead: this.#passes.ahead });
  }

  /** What `Tokenizer.reconstruct` returns. */
  async reconstruct(
    item: SourceItem,
    settings: EncodeSettings,
    { onNote, signal }: Pick<EncodeCallOptions, "onNote" | "signal">,
  ): Promise<DecodedImage> {
    const prepared = await prepareImage(item, settings, this.#taker(settings));
    for (const note of prepared.notes) onNote?.(note);
    const images = new WholeImages(this.#passes.facts.config.downsamplingFactor);
    let image: DecodedImage | undefined;
    for (const part of prepared.parts) {
      const pixels = pixelsOf([part], prepared.size);
      image = images.add(await this.#passes.forward(pixels, signal), part.coded);
    }
    return image as DecodedImage; // the last part completes it
  }

  #taker({ allowOversize }: EncodeSettings): ImageTaker {
    const model = this.#passes.facts.config;
    const factor = model.downsamplingFactor;
    const side = imageSideOf(this.#passes.facts);
    return {
      factor,
      refuse: (size) => {
        const other = side === undefined ? undefined : sizeFault(size, side);
        return other ?? (allowOversize ? undefined : passFault(size, { model }));
      },
    };
  }

  async #encodeBatch(
    { parts, size }: PreparedBatch,
    batchSize: number,
    signal: AbortSignal | undefined,
  ): Promise<Codes> {
    const step = partsAtOnce(size, batchSize);
    const done: Codes[] = [];
    for (let start = 0; start < parts.length; start += step) {
      done.push(await this.#encodePass(parts.slice(start, start + step), size, signal));
    }
    return done.length === 1 ? (done[0] as Codes) : concatCodes(done);
  }

  async #encodePass(
    parts: PreparedBatch["parts"],
    size: PreparedBatch["size"],
    signal: AbortSignal | undefined,
  ): Promise<Codes> {
    const { facts } = this.#passes;
    const { codebookSize, fingerprint } = facts;
    const grid = await this.#passes.encode(pixelsOf(parts, size), signal);
    const images = parts.map(({ coded }) => coded);
    return { ...grid, codebookSize, images, fingerprint, ...scalesOf(facts) };
  }
}

/** Why a model that takes images of one size does not take one of another. */
function sizeFault({ height, width }: Size, side: number): string | undefined {
  if (height === side && width === side) return undefined;
  return `an image of ${width}×${height} pixels, where the scales of the codes take ${side}×${side} (policies resize, crop, pad and tile with size ${side} give it)`;
}
