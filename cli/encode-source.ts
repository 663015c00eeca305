import { buffer } from "node:stream/consumers";
import { withoutUndefined } from "../src/core/objects.js";
import type { BrokenImage, ImageCollection, SourceItem } from "../src/data/index.js";
import type { QueuedEncodingOptions, QueueProgress } from "../src/queue/index.js";
import type { EncodedBatch, EncodeOptions, SourceProgress, Tokenizer } from "../src/tokenizer/index.js";
import type { BrokenImages } from "./broken-images.js";
import { UsageError } from "./errors.js";
import { readFileList } from "./file-list.js";
import { hubNote } from "./hub-note.js";
import { isTerminal } from "./is-terminal.js";
import type { LeftOutImages } from "./left-out.js";
import type { PassedOverNote } from "./passed-over.js";
import type { Progress } from "./progress.js";
import { type QueueFlags, queueAddress } from "./queue-flags.js";
import { QueueWatch } from "./queue-watch.js";
import type { Terminal } from "./terminal.js";

/** What images are to be encoded, and where. */
export interface EncodeSourceRequest extends QueueFlags {
  readonly images: readonly string[];
  readonly out: string;
  readonly filesFrom?: string;
  readonly column?: string;
  readonly imageKey?: string;
  readonly strict?: boolean;
  readonly resume?: boolean;
  readonly quiet?: boolean;
}

/** Who is told of what is found. */
export interface Told {
  readonly broken: BrokenImages;
  readonly leftOut: LeftOutImages;
  readonly passedOver: PassedOverNote;
}

/** Where codes come from: a model on this machine, or the workers of a queue. */
export interface EncodeSource {
  /** How many images there are, as far as that is known. */
  readonly total: number | undefined;
  /** Whether what is done stays, also where the writer has nothing to resume from. */
  readonly keeps: boolean;
  /** What all images are called, where that is known before they are read. */
  names(): Promise<readonly string[] | undefined>;
  /** Before anything is written. */
  check(tokenizer: Tokenizer, options: EncodeOptions): Promise<void>;
  batches(
    tokenizer: Tokenizer,
    options: EncodeOptions & { readonly start?: SourceProgress; readonly progress: Progress },
  ): AsyncGenerator<EncodedBatch, void, undefined>;
  /** After the codes are in their place. */
  finish(): Promise<void>;
  /** Where they were already: clears what a submitter left that was killed before it could. */
  clear(tokenizer: Tokenizer, options: EncodeOptions): Promise<void>;
}

/** @throws UsageError for images that contradict each other, or that no queue takes */
export async function openEncodeSource(
  terminal: Terminal,
  request: EncodeSourceRequest & { readonly model: string },
  told: Told,
): Promise<EncodeSource> {
  checkGiven(request);
  const queue = queueAddress(request);
  if (queue !== undefined) return new QueueSource(terminal, { ...request, address: queue }, told);
  return new LocalSource(await openImages(terminal, request, told), told, request.strict ?? false);
}

class LocalSource implements EncodeSource {
  readonly keeps = false;
  readonly #images: ImageCollection;
  readonly #told: Told;
  readonly #strict: boolean;

  constructor(images: ImageCollection, told: Told, strict: boolean) {
    this.#images = images;
    this.#told = told;
    this.#strict = strict;
  }

  get total(): number | undefined {
    return this.#images.total;
  }

  async names(): Promise<readonly string[] | undefined> {
    return this.#images.names;
  }

  check(tokenizer: Tokenizer, options: EncodeOptions): Promise<void> {
    return tokenizer.checkSize(this.#images, options);
  }

  async *batches(
    tokenizer: Tokenizer,
    { progress, ...options }: Parameters<EncodeSource["batches"]>[1],
  ): AsyncGenerator<EncodedBatch, void, undefined> {
    const { remark, report } = this.#told.broken;
    const codes = tokenizer.encodeAll(this.#images, {
      ...options,
      onNote: remark,
      ...(this.#strict ? {} : { onBroken: report }),
    });
    let done = options.start?.itemsDone ?? 0;
    progress.update(done);
    for await (const batch of codes) {
      yield batch;
      done = batch.itemsDone;
      progress.update(done);
    }
    // Broken images behind the last batch belong to none.
    if (this.total !== undefined && this.total !== done) progress.update(this.total);
  }

  async finish(): Promise<void> {}

  async clear(): Promise<void> {}
}

interface QueuedRequest extends EncodeSourceRequest {
  readonly model: string;
  readonly address: QueuedEncodingOptions["queue"];
}

class QueueSource implements EncodeSource {
  readonly keeps = true;
  readonly #terminal: Terminal;
  readonly #request: QueuedRequest;
  readonly #told: Told;
  readonly #watch: QueueWatch;
  #total: number | undefined;
  #files: Promise<readonly string[]> | undefined;
  #finish: () => Promise<void> = async () => {};

  constructor(terminal: Terminal, request: QueuedRequest, told: Told) {
    this.#terminal = terminal;
    this.#request = request;
    this.#told = told;
    this.#watch = new QueueWatch(terminal, { quiet: request.quiet ?? false });
  }

  get total(): number | undefined {
    return this.#total;
  }

  async names(): Promise<readonly string[] | undefined> {
    const { openFileList, openSource } = await import("../src/data/index.js");
    const source = await this.#source();
    const { filesFrom, out } = this.#request;
    const images =
      filesFrom === undefined ? await openSource(source, { outputs: [out] }) : openFileList(source);
    return images.names;
  }

  /** Opening the queue checks the same. */
  async check(): Promise<void> {}

  async *batches(
    tokenizer: Tokenizer,
    { start, progress, ...options }: Parameters<EncodeSource["batches"]>[1],
  ): AsyncGenerator<EncodedBatch, void, undefined> {
    const { QueuedEncoding } = await import("../src/queue/index.js");
    const source = await this.#source();
    const encoding = await QueuedEncoding.open(tokenizer, source, {
      ...options,
      ...this.#options(),
      onProgress: (state) => this.#show(progress, state),
    });
    let isDone = false;
    try {
      yield* encoding.batches(start);
      isDone = true;
      if (this.#total !== undefined) progress.update(this.#total);
      this.#finish = () => encoding.finish();
    } finally {
      if (!isDone) await encoding.suspend();
    }
  }

  finish(): Promise<void> {
    return this.#finish();
  }

  async clear(tokenizer: Tokenizer, options: EncodeOptions): Promise<void> {
    const { QueuedEncoding } = await import("../src/queue/index.js");
    const all = { ...options, ...this.#options() };
    await (await QueuedEncoding.open(tokenizer, await this.#source(), all)).finish();
  }

  /** Standard input can be read once. */
  #source(): Promise<readonly string[]> {
    const { filesFrom, images } = this.#request;
    this.#files ??=
      filesFrom === undefined ? Promise.resolve(images) : readFileList(filesFrom, this.#terminal.stdin);
    return this.#files;
  }

  #options(): QueuedEncodingOptions {
    const { address, model, out, filesFrom, column, imageKey, strict, resume } = this.#request;
    const { shared, imagesPerPiece, tries, leaseSeconds, allowMixed } = this.#request;
    const { broken, leftOut, passedOver } = this.#told;
    const given = { column, imageKey, shared, imagesPerPiece, tries, leaseSeconds, allowMixed };
    return {
      queue: address,
      model,
      outputs: [out],
      isFileList: filesFrom !== undefined,
      resume: resume ?? false,
      signal: this.#terminal.signal,
      ...withoutUndefined(given),
      ...(strict === true ? {} : { onBroken: broken.report }),
      onNote: broken.remark,
      onLeftOut: leftOut.report,
      onPassedOver: passedOver.report,
    };
  }

  #show(progress: Progress, state: QueueProgress): void {
    this.#total = state.imagesTotal;
    progress.update(state.images, this.#watch.show(state, "pieces"));
  }
}

function checkGiven({ images, filesFrom, queue }: EncodeSourceRequest): void {
  if (images.includes("-") && queue !== undefined) {
    throw new UsageError("-: expected files with --queue, got standard input, which workers do not see.");
  }
  const hub = images.find((each) => each.startsWith("hf://"));
  if (hub !== undefined && queue !== undefined) {
    throw new UsageError(
      `${hub}: expected files with --queue, which all workers see, got a data set on a hub. Encode it without, or name its files in the shared folder.`,
    );
  }
  if (filesFrom === undefined && images.length === 0) {
    throw new UsageError("<images...>: expected folders, glob patterns or files, or --files-from, got none.");
  }
  if (filesFrom === undefined || images.length === 0 || images.includes("-")) return;
  throw new UsageError(
    `--files-from: expected no other images, got ${images[0]} too. Give one or the other.`,
  );
}

async function openImages(
  terminal: Terminal,
  { images, filesFrom, column, imageKey, strict = false, quiet = false, out }: EncodeSourceRequest,
  { broken, leftOut, passedOver }: Told,
): Promise<ImageCollection> {
  const { ImageError, openFileList, openSource } = await import("../src/data/index.js");
  const stop = ({ file, reason }: BrokenImage): never => {
    throw new ImageError(file, reason);
  };
  if (images.includes("-")) return openSource(await readImage(terminal.stdin, images));
  const options = {
    ...withoutUndefined({ column, imageKey }),
    onLeftOut: leftOut.report,
    onBroken: strict ? stop : broken.report,
    onPassedOver: passedOver.report,
    onFetch: hubNote(terminal, { quiet }),
    outputs: [out],
  };
  if (filesFrom === undefined) return openSource(images, options);
  return openFileList(await readFileList(filesFrom, terminal.stdin), options);
}

/** The one image on standard input. @throws UsageError when other images are given, or a person would have to type it */
async function readImage(stdin: Terminal["stdin"], images: readonly string[]): Promise<SourceItem> {
  const [other] = images.filter((each) => each !== "-");
  if (other !== undefined || images.length > 1) {
    throw new UsageError(`-: expected no other images, got ${other ?? "it twice"}. Give one or the other.`);
  }
  if (stdin === undefined || isTerminal(stdin)) {
    throw new UsageError("-: expected an image on standard input, got none. Add < photo.jpg.");
  }
  return { name: "stdin", source: await buffer(stdin) };
}
