import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { ConfigError, VqkitError } from "../../core/errors.js";
import { FolderLock, type JsonValue, StagedFiles } from "../../files/index.js";
import {
  type Codes,
  checkCodes,
  type EncodedBatch,
  otherModel,
  type SourceProgress,
  scalesOf,
} from "../codes.js";
import { type CodeKind, GridCounts } from "./contents.js";
import { checkExtras } from "./entry.js";
import type { FormatWriter } from "./format.js";
import { type CodeFormat, codeFormats, formats } from "./formats.js";
import type { CodeManifest } from "./manifest.js";
import {
  claimStart,
  entriesAhead,
  findStart,
  placeCodes,
  RepeatedEntries,
  removeState,
  type Start,
  saveState,
  type WritingState,
} from "./resume.js";
import { type TokenOptions, tokenSchema } from "./vocabulary.js";

export interface CodeWriterOptions {
  /** Default "npy". */
  readonly format?: CodeFormat;
  /** Replace the codes that stand in the folder, finished or not: our own files only, others stay. Default false. */
  readonly overwrite?: boolean;
  /**
   * Resume where an interrupted writer left the folder; where it left nothing, begin; where the codes are finished, there
   * is nothing to write (`finished`). Default false.
   */
  readonly resume?: boolean;
  /** What labels are places in: each class once. The manifest records it as `settings.classes`. */
  readonly classes?: readonly string[];
  /** With the format `bin`: where codes lie in a vocabulary. The manifest records it as `settings.tokens`. */
  readonly tokens?: TokenOptions;
  /** How images became codes (size policy and so on). The manifest records it; a resumed run must have the same. */
  readonly settings?: Readonly<Record<string, JsonValue>>;
  /** Of the model that will make the codes; where given, a resumed run is compared with it before anything is encoded. */
  readonly fingerprint?: string;
  /** Seconds between two saves of the progress at least, >= 0; default 5. */
  readonly saveEvery?: number;
  /** Bytes of a tar shard at most, unless a single entry has more; default 256 MB. */
  readonly shardBytes?: number;
}

export interface WriteCodesOptions extends Omit<CodeWriterOptions, "resume" | "saveEvery"> {}

const optionsSchema = z.strictObject({
  format: z.enum(codeFormats).default("npy"),
  overwrite: z.boolean().default(false),
  resume: z.boolean().default(false),
  classes: z.array(z.string().min(1)).optional(),
  tokens: tokenSchema.optional(),
  settings: z.record(z.string(), z.json()).default({}),
  fingerprint: z.string().optional(),
  saveEvery: z.number().min(0).default(5),
  shardBytes: z
    .int()
    .min(1)
    .default(256 * 2 ** 20),
});

type WriterSettings = z.output<typeof optionsSchema>;

/**
 * Writes codes, in memory that does not grow with their number:
 * `await writeCodes("codes", tokenizer.encodeAll("photos"), { format: "packed" })`.
 *
 * Nothing is in place before the last of them has been written; on failure a folder that was made is removed and one that
 * stood there stands. `openCodeWriter` writes the same files and can be interrupted.
 *
 * @param codes all of one model; any latent grids
 * @returns what was written
 * @throws ConfigError for a wrong option; VqkitError("codes") when the folder is not empty and `overwrite` is off, holds
 * something other than codes, or there are no codes or codes of two models; VqkitError("locked") when another writer has
 * the folder; VqkitError("file"); what `codes` throws
 */
export async function writeCodes(
  dir: string,
  codes: AsyncIterable<Codes> | Iterable<Codes>,
  options: WriteCodesOptions = {},
): Promise<CodeManifest> {
  const writer = await openCodeWriter(dir, { ...options, saveEvery: Number.MAX_VALUE });
  try {
    for await (const batch of codes) await writer.write(batch);
    return await writer.finish();
  } catch (error) {
    // The first error says what went wrong; what cannot be removed now goes with the next writer's start.
    await writer.abort().catch(() => {});
    throw error;
  }
}

/**
 * Begins to write codes, or resumes where an interrupted writer stopped. The finished files are the same, byte for byte,
 * however the codes come in batches and however often writing was interrupted. The folder is the writer's alone until
 * `finish` has succeeded, or `suspend` or `abort` was called.
 *
 * @throws ConfigError for a wrong option; VqkitError("codes") when the folder is not empty and neither `overwrite` nor
 * `resume` allows that, or when it was begun or finished with another model, format or settings;
 * VqkitError("locked") when another writer has the folder; VqkitError("format" | "file")
 */
export async function openCodeWriter(dir: string, options: CodeWriterOptions = {}): Promise<CodeWriter> {
  const parsed = withSettings(parseConfig(optionsSchema, options, ""));
  const files = StagedFiles.create(dir);
  // Before anything is written into a folder that is not ours, or that cannot be written and need not be.
  await FolderLock.check(dir);
  const found = await findStart(dir, parsed);
  if (found.finished !== undefined) return new CodeWriter(parsed, files, { finished: found.finished });
  const lock = await FolderLock.acquire(dir);
  try {
    const start = await claimStart(dir, parsed);
    const { state, finished } = start;
    if (finished !== undefined) lock.release();
    const resumed = state === undefined ? files : await StagedFiles.resume(dir, state.files);
    return new CodeWriter(parsed, resumed, { ...start, lock });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** What the options say of the codes stands in the settings, which are recorded and compared. @throws ConfigError */
function withSettings({ settings, classes, tokens, ...options }: WriterSettings): WriterSettings {
  const { format } = options;
  const { usesTokens } = formats[format];
  if (tokens !== undefined && !usesTokens) {
    throw new ConfigError("tokens", `expected a format of tokens with it (bin), got "${format}".`);
  }
  const twice = classes?.find((name, i) => classes.indexOf(name) < i);
  if (twice !== undefined)
    throw new ConfigError("classes", `expected each once, got ${JSON.stringify(twice)} again.`);
  return {
    ...options,
    settings: {
      ...settings,
      ...(classes === undefined ? {} : { classes }),
      ...(usesTokens ? { tokens: tokens ?? tokenSchema.parse({}) } : {}),
    },
  };
}

/** Writes codes batch by batch in bounded memory; nothing that reads codes sees them before `finish`. */
export class CodeWriter {
  readonly dir: string;
  readonly format: CodeFormat;
  /** How far an interrupted run had come: resume behind it. Undefined: begin at the first item. */
  readonly resumedAt: SourceProgress | undefined;
  readonly #options: WriterSettings;
  readonly #lock: FolderLock | undefined;
  readonly #files: StagedFiles;
  #kind: CodeKind | undefined;
  #writer: FormatWriter | undefined;
  #entries: number;
  readonly #grids: GridCounts;
  /** At the end of the last batch, if that said how far the source has been read. */
  #state: WritingState | undefined;
  /** The last one from which a later writer can resume. */
  #resumable: WritingState | undefined;
  /** Takes out what an interrupted writer had written behind the state that this one resumes. */
  readonly #repeated: RepeatedEntries;
  #savedAt = performance.now();
  #closed: boolean;
  #finished: CodeManifest | undefined;

  /** @internal `openCodeWriter` makes them. @param start with the folder's lock, unless its codes are finished */
  constructor(
    options: WriterSettings,
    files: StagedFiles,
    { state, finished, lock }: Start & { readonly lock?: FolderLock },
  ) {
    this.dir = files.dir;
    this.format = options.format;
    this.resumedAt = state?.source;
    this.#options = options;
    this.#lock = lock;
    this.#files = files;
    this.#kind = state?.kind;
    this.#entries = (finished ?? state)?.entries ?? 0;
    this.#grids = new GridCounts(state?.grids);
    this.#repeated = new RepeatedEntries(state?.ahead);
    this.#resumable = state;
    if (state !== undefined) {
      const { ahead, ...reached } = state;
      this.#state = reached;
    }
    this.#closed = finished !== undefined;
    this.#finished = finished;
  }

  /** Entries (images, or tiles of them) so far, those of the interrupted run included. */
  get entries(): number {
    return this.#entries;
  }

  /** What was written, once it is complete: after `finish`, or because an earlier run had come to its end. */
  get finished(): CodeManifest | undefined {
    return this.#finished;
  }

  /**
   * Appends a batch. One that says how far the source has been read (`EncodedBatch`) is a place to resume from.
   *
   * @throws VqkitError("codes") for codes of another model or that contradict themselves; VqkitError("file")
   */
  async write(codes: Codes | EncodedBatch): Promise<void> {
    if (this.#closed) {
      throw new VqkitError("codes", `${this.dir}: expected no more codes after the end, got some.`);
    }
    const kind = this.#check(codes);
    this.#writer ??= this.#open(kind);
    const fresh = this.#repeated.dropFrom(codes);
    if (fresh !== undefined) await this.#writer.add(fresh);
    const [entries, gridHeight, gridWidth] = codes.shape;
    this.#grids.add({ gridHeight, gridWidth, entries });
    this.#entries += entries;
    this.#advance(codes, this.#writer.pending);
    if (performance.now() - this.#savedAt >= 1000 * this.#options.saveEvery) await this.#save();
  }

  /**
   * Completes the files and puts them into place, the manifest last. What is finished already it returns as it is.
   *
   * @throws VqkitError("codes") when there are no codes, or fewer than an interrupted run had written
   */
  async finish(): Promise<CodeManifest> {
    if (this.#finished !== undefined) return this.#finished;
    const kind = this.#kind;
    if (kind === undefined || this.#entries === 0) {
      throw new VqkitError("codes", `${this.dir}: expected codes of at least one image, got none.`);
    }
    if (this.#repeated.left > 0) {
      throw new VqkitError(
        "codes",
        `${this.dir}: expected ${this.#repeated.left} more entries, which the interrupted run had written, got the end. Give the same images as before.`,
      );
    }
    this.#writer ??= this.#open(kind);
    const { settings } = this.#options;
    const contents = { ...kind, entries: this.#entries, grids: this.#grids.grids(), settings };
    const names = await this.#writer.complete(contents);
    await this.#files.sync();
    const files = names.map((file) => ({ file, bytes: this.#files.length(file) }));
    const manifest = { layout: this.format, ...contents, files };
    // From here on a later writer with `resume` only has to rename.
    await saveState(this.dir, { ...this.#stateOf(kind), manifest });
    await placeCodes(this.dir, manifest);
    this.#finished = manifest;
    this.#close();
    return manifest;
  }

  /**
   * Stops and leaves what was written to a later writer with `resume`. After `finish` there is nothing to do.
   *
   * @returns whether there is something to resume: with format `parquet` not before the first row group is full
   */
  async suspend(): Promise<boolean> {
    if (this.#closed || this.#resumable === undefined) {
      await this.abort();
      return false;
    }
    try {
      await this.#save();
    } finally {
      this.#close();
    }
    return true;
  }

  /** Gives up what was written; codes that stood in the folder stand. After `finish` there is nothing to do. */
  async abort(): Promise<void> {
    if (this.#closed) return;
    try {
      await removeState(this.dir);
      await this.#files.discard();
    } finally {
      this.#close();
    }
  }

  #close(): void {
    this.#closed = true;
    this.#lock?.release();
  }

  /** The files are on disk before anything says how long they are. */
  async #save(): Promise<void> {
    if (this.#resumable === undefined) return;
    await this.#files.sync();
    await saveState(this.dir, this.#resumable);
    this.#savedAt = performance.now();
  }

  #stateOf(kind: CodeKind, source?: SourceProgress): WritingState {
    const { settings, shardBytes } = this.#options;
    return {
      layout: this.format,
      kind,
      settings,
      shardBytes,
      ...(source === undefined ? {} : { source }),
      entries: this.#entries,
      grids: this.#grids.grids(),
      files: this.#files.lengths(),
    };
  }

  #open(kind: CodeKind): FormatWriter {
    const { settings, shardBytes } = this.#options;
    const entries = this.#entries + this.#repeated.left;
    return formats[this.format].writer({ kind, settings, shardBytes, files: this.#files, entries });
  }

  /**
   * Notes from where a later writer can resume: the end of this batch if the files hold all of it, else that of the batch
   * before, if they hold that.
   *
   * @param pending entries that are not in the files yet
   */
  #advance(codes: Codes | EncodedBatch, pending: number): void {
    const before = this.#state;
    this.#state = undefined;
    if (this.#kind === undefined || !("itemsDone" in codes)) return;
    const { itemsDone, itemsBroken, itemsDigest } = codes;
    this.#state = this.#stateOf(this.#kind, { itemsDone, itemsBroken, itemsDigest });
    // As long as what was written ahead has not come again, the state that this writer resumed is still the right one.
    if (this.#repeated.left > 0) return;
    const inFiles = this.#entries - pending;
    if (pending === 0) this.#resumable = this.#state;
    else if (before !== undefined && inFiles >= before.entries) {
      const ahead = entriesAhead(codes, inFiles - before.entries);
      this.#resumable = { ...before, files: this.#files.lengths(), ahead };
    }
  }

  #check(codes: Codes): CodeKind {
    const { fingerprint, codebookSize, shape } = codes;
    this.#kind ??= { fingerprint, codebookSize, numCodebooks: shape[3], ...scalesOf(codes) };
    const expected = this.#kind;
    if (expected.fingerprint !== fingerprint) throw otherModel(expected.fingerprint, fingerprint);
    if (expected.codebookSize !== codebookSize) {
      throw new VqkitError(
        "codes",
        `codes.codebookSize: expected ${expected.codebookSize} as before, got ${codebookSize}.`,
      );
    }
    // How many pixels a position covers only the model knows: any number is taken here.
    checkCodes(codes, { ...expected, downsamplingFactor: Number.MAX_SAFE_INTEGER });
    for (const image of codes.images) checkExtras(image, this.#options.settings);
    return expected;
  }
}
