import { rmdir } from "node:fs/promises";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { StagedFiles } from "../../runs/index.js";
import { type Codes, checkCodes, type EncodedBatch, otherModel, type SourceProgress } from "../codes.js";
import type { CodeWriter, CodeWriterOptions } from "./code-writer.js";
import type { LayoutWriter } from "./layout.js";
import { layouts } from "./layouts.js";
import { type CodeFormat, type CodeGrid, type CodeKind, type CodeManifest, codeFormats } from "./manifest.js";
import { type Progress, removeProgress, writeProgress } from "./progress.js";
import { makeFolder, placeCodes, prepareTarget } from "./target.js";

export interface WriteCodesOptions extends Omit<CodeWriterOptions, "resume" | "saveEvery"> {}

const optionsSchema = z.strictObject({
  format: z.enum(codeFormats).default("npy"),
  overwrite: z.boolean().default(false),
  resume: z.boolean().default(false),
  settings: z.record(z.string(), z.json()).default({}),
  fingerprint: z.string().optional(),
  saveEvery: z.number().min(0).default(5),
  shardBytes: z
    .int()
    .min(1)
    .default(256 * 2 ** 20),
});

type Options = z.output<typeof optionsSchema>;

/**
 * Writes codes, in memory that does not grow with the number of images:
 * `await writeCodes("codes", tokenizer.encodeAll("photos"), { format: "packed" })`.
 *
 * Nothing is in place before the last image has been written; on failure a folder that was made is removed and one that
 * stood there stands. `openCodeWriter` writes the same files and can be interrupted.
 *
 * @param codes all of one model; any latent grids
 * @returns what was written
 * @throws ConfigError for a wrong option; VqkitError("codes") when the folder is not empty and `overwrite` is off, holds
 * something other than codes, or there are no codes or codes of two models; VqkitError("file"); what `codes` throws
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
 * Begins to write codes, or goes on where an interrupted writer stopped. The finished files are the same, byte for byte,
 * however often they were interrupted, as long as the batches are.
 *
 * @throws ConfigError for a wrong option; VqkitError("codes") when the folder is not empty and neither `overwrite` nor
 * `resume` allows that, when it is finished, or when it was begun with another model, format or settings;
 * VqkitError("format" | "file")
 */
export async function openCodeWriter(dir: string, options: CodeWriterOptions = {}): Promise<CodeWriter> {
  const parsed = parseConfig(optionsSchema, options, "");
  const progress = await prepareTarget(dir, parsed);
  const made = await makeFolder(dir);
  return FolderWriter.open({ dir, made, options: parsed, progress });
}

interface Opening {
  readonly dir: string;
  readonly made: boolean;
  readonly options: Options;
  readonly progress: Progress | undefined;
}

class FolderWriter implements CodeWriter {
  readonly dir: string;
  readonly format: CodeFormat;
  readonly resumedAt: SourceProgress | undefined;
  readonly #options: Options;
  /** Whether the folder is of our own making. */
  readonly #made: boolean;
  readonly #files: StagedFiles;
  readonly #grids = new Map<string, CodeGrid>();
  #kind: CodeKind | undefined;
  #layout: LayoutWriter | undefined;
  #images = 0;
  /** The last moment from which a later writer can go on. */
  #resumable: Progress | undefined;
  #savedAt = performance.now();
  #closed = false;

  private constructor({ dir, made, options, progress }: Opening, files: StagedFiles) {
    this.dir = dir;
    this.format = options.format;
    this.#options = options;
    this.#made = made;
    this.#files = files;
    this.resumedAt = progress?.source;
    if (progress === undefined) return;
    this.#kind = progress.kind;
    this.#images = progress.images;
    this.#resumable = progress;
    for (const grid of progress.grids) this.#grids.set(keyOf(grid), grid);
  }

  static async open(opening: Opening): Promise<FolderWriter> {
    const { dir, progress } = opening;
    const files =
      progress === undefined ? StagedFiles.create(dir) : await StagedFiles.resume(dir, progress.files);
    return new FolderWriter(opening, files);
  }

  get images(): number {
    return this.#images;
  }

  async write(codes: Codes | EncodedBatch): Promise<void> {
    if (this.#closed)
      throw new VqkitError("codes", `${this.dir}: expected no more codes after the end, got some.`);
    const kind = this.#check(codes);
    this.#layout ??= await layouts[this.format].writer({
      kind,
      settings: this.#options.settings,
      files: this.#files,
      images: this.#images,
      shardBytes: this.#options.shardBytes,
    });
    await this.#layout.add(codes);
    this.#count(codes);
    if (!("itemsDone" in codes) || !this.#layout.settled) return;
    const { itemsDone, itemsBroken, itemsDigest } = codes;
    this.#resumable = this.#progress(kind, { itemsDone, itemsBroken, itemsDigest });
    if (performance.now() - this.#savedAt >= 1000 * this.#options.saveEvery) await this.#save();
  }

  async finish(): Promise<CodeManifest> {
    const kind = this.#kind;
    if (kind === undefined || this.#images === 0) {
      throw new VqkitError("codes", `${this.dir}: expected codes of at least one image, got none.`);
    }
    const { settings, shardBytes } = this.#options;
    this.#layout ??= await layouts[this.format].writer({
      kind,
      settings,
      shardBytes,
      files: this.#files,
      images: this.#images,
    });
    const { format: layout } = this;
    const described = { layout, ...kind, images: this.#images, grids: [...this.#grids.values()], settings };
    const names = await this.#layout.complete(described);
    await this.#files.sync();
    const manifest = {
      ...described,
      files: names.map((file) => ({ file, bytes: this.#files.length(file) })),
    };
    // From here on a later writer with `resume` only has to rename.
    await writeProgress(this.dir, { ...this.#progress(kind), manifest });
    await placeCodes(this.dir, manifest);
    this.#closed = true;
    return manifest;
  }

  async suspend(): Promise<void> {
    if (this.#closed) return;
    if (this.#resumable === undefined) return this.abort();
    await this.#save();
    this.#closed = true;
  }

  async abort(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await removeProgress(this.dir);
    await this.#files.discard();
    // Only a folder of our own making, and only when nobody else put something there.
    if (this.#made) await rmdir(this.dir).catch(() => {});
  }

  /** The files are on disk before anything says how long they are. */
  async #save(): Promise<void> {
    if (this.#resumable === undefined) return;
    await this.#files.sync();
    await writeProgress(this.dir, this.#resumable);
    this.#savedAt = performance.now();
  }

  #progress(kind: CodeKind, source?: SourceProgress): Progress {
    const { settings, shardBytes } = this.#options;
    return {
      layout: this.format,
      kind,
      settings,
      shardBytes,
      ...(source === undefined ? {} : { source }),
      images: this.#images,
      grids: [...this.#grids.values()],
      files: this.#files.lengths(),
    };
  }

  #check(codes: Codes): CodeKind {
    const { fingerprint, codebookSize, shape } = codes;
    this.#kind ??= { fingerprint, codebookSize, numCodebooks: shape[3] };
    const expected = this.#kind;
    if (expected.fingerprint !== fingerprint) throw otherModel(expected.fingerprint, fingerprint);
    if (expected.codebookSize !== codebookSize) {
      throw new VqkitError(
        "codes",
        `codes.codebookSize: expected ${expected.codebookSize} as before, got ${codebookSize}.`,
      );
    }
    // The pixels of a position are the model's affair, so any number of them will do here.
    checkCodes(codes, { ...expected, downsamplingFactor: Number.MAX_SAFE_INTEGER });
    return expected;
  }

  #count({ shape: [images, gridHeight, gridWidth] }: Codes): void {
    const key = keyOf({ gridHeight, gridWidth });
    const before = this.#grids.get(key)?.images ?? 0;
    this.#grids.set(key, { gridHeight, gridWidth, images: before + images });
    this.#images += images;
  }
}

function keyOf({ gridHeight, gridWidth }: Pick<CodeGrid, "gridHeight" | "gridWidth">): string {
  return `${gridHeight}x${gridWidth}`;
}
