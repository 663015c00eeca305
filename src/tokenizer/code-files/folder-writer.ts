import { VqkitError } from "../../core/errors.js";
import { type FolderLock, StagedFiles } from "../../files/index.js";
import { type Codes, checkCodes, type EncodedBatch, otherModel, type SourceProgress } from "../codes.js";
import type { CodeWriter } from "./code-writer.js";
import type { LayoutWriter } from "./layout.js";
import { layouts } from "./layouts.js";
import type { CodeFormat, CodeGrid, CodeKind, CodeManifest } from "./manifest.js";
import { type Progress, removeProgress, writeProgress } from "./progress.js";
import { placeCodes } from "./target.js";
import { AheadFilter, writtenAhead } from "./written-ahead.js";

/** Options of `openCodeWriter` that matter once the folder is open. */
interface Options {
  readonly format: CodeFormat;
  readonly settings: Progress["settings"];
  readonly saveEvery: number;
  readonly shardBytes: number;
}

interface Opening {
  readonly dir: string;
  /** Of the folder; the writer's from here on. */
  readonly lock: FolderLock;
  readonly options: Options;
  /** Where to go on; undefined: at the beginning. */
  readonly progress: Progress | undefined;
}

/** The end of a batch that says how far the source has been read. */
interface Place {
  readonly source: SourceProgress;
  readonly entries: number;
  readonly grids: readonly CodeGrid[];
}

/** Writes codes into a folder that is its own; see `openCodeWriter`. */
export class FolderWriter implements CodeWriter {
  readonly dir: string;
  readonly format: CodeFormat;
  readonly resumedAt: SourceProgress | undefined;
  readonly #options: Options;
  readonly #lock: FolderLock;
  readonly #files: StagedFiles;
  readonly #grids = new Map<string, CodeGrid>();
  #kind: CodeKind | undefined;
  #layout: LayoutWriter | undefined;
  #entries = 0;
  /** The end of the last batch, if it is a place. */
  #place: Place | undefined;
  /** Takes out what an interrupted writer had written behind the place where this one goes on. */
  readonly #ahead: AheadFilter;
  /** The last moment from which a later writer can go on. */
  #resumable: Progress | undefined;
  #savedAt = performance.now();
  #closed = false;
  #finished: CodeManifest | undefined;

  private constructor({ dir, lock, options, progress }: Opening, files: StagedFiles) {
    this.dir = dir;
    this.format = options.format;
    this.#options = options;
    this.#lock = lock;
    this.#files = files;
    this.resumedAt = progress?.source;
    this.#ahead = new AheadFilter(progress?.ahead ?? { entries: 0, digest: "" });
    if (progress?.source === undefined) return;
    const { source, entries, grids } = progress;
    this.#kind = progress.kind;
    this.#entries = entries;
    this.#place = { source, entries, grids };
    this.#resumable = progress;
    for (const grid of grids) this.#grids.set(keyOf(grid), grid);
  }

  static async open(opening: Opening): Promise<FolderWriter> {
    const { dir, progress } = opening;
    const files =
      progress === undefined ? StagedFiles.create(dir) : await StagedFiles.resume(dir, progress.files);
    return new FolderWriter(opening, files);
  }

  get entries(): number {
    return this.#entries;
  }

  get finished(): CodeManifest | undefined {
    return this.#finished;
  }

  async write(codes: Codes | EncodedBatch): Promise<void> {
    if (this.#closed) throw closed(this.dir);
    const kind = this.#check(codes);
    this.#layout ??= await this.#open(kind);
    const fresh = this.#ahead.take(codes);
    if (fresh !== undefined) await this.#layout.add(fresh);
    this.#count(codes);
    this.#advance(kind, codes);
    if (performance.now() - this.#savedAt >= 1000 * this.#options.saveEvery) await this.#save();
  }

  async finish(): Promise<CodeManifest> {
    if (this.#finished !== undefined) return this.#finished;
    const kind = this.#kind;
    if (kind === undefined || this.#entries === 0) {
      throw new VqkitError("codes", `${this.dir}: expected codes of at least one image, got none.`);
    }
    if (this.#ahead.left > 0) {
      throw new VqkitError(
        "codes",
        `${this.dir}: expected ${this.#ahead.left} more entries, which the interrupted run had written, got the end. Give the same images as before.`,
      );
    }
    this.#layout ??= await this.#open(kind);
    const { format: layout } = this;
    const { settings } = this.#options;
    const described = { layout, ...kind, entries: this.#entries, grids: [...this.#grids.values()], settings };
    const names = await this.#layout.complete(described);
    await this.#files.sync();
    const manifest = {
      ...described,
      files: names.map((file) => ({ file, bytes: this.#files.length(file) })),
    };
    // From here on a later writer with `resume` only has to rename.
    await writeProgress(this.dir, { ...this.#progress(kind, described), manifest });
    await placeCodes(this.dir, manifest);
    this.#finished = manifest;
    this.#close();
    return manifest;
  }

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

  async abort(): Promise<void> {
    if (this.#closed) return;
    try {
      await removeProgress(this.dir);
      await this.#files.discard();
    } finally {
      this.#close();
    }
  }

  #close(): void {
    this.#closed = true;
    this.#lock.release();
  }

  /** The files are on disk before anything says how long they are. */
  async #save(): Promise<void> {
    if (this.#resumable === undefined) return;
    await this.#files.sync();
    await writeProgress(this.dir, this.#resumable);
    this.#savedAt = performance.now();
  }

  /** @param place what the files hold at least; without `source` it is the end */
  #progress(kind: CodeKind, place: Omit<Place, "source"> & Partial<Place>): Progress {
    const { settings, shardBytes } = this.#options;
    const { source, entries, grids } = place;
    return {
      layout: this.format,
      kind,
      settings,
      shardBytes,
      ...(source === undefined ? {} : { source }),
      entries,
      grids: [...grids],
      files: this.#files.lengths(),
    };
  }

  #open(kind: CodeKind): Promise<LayoutWriter> {
    const { settings, shardBytes } = this.#options;
    const entries = this.#entries + this.#ahead.left;
    return layouts[this.format].writer({ kind, settings, shardBytes, files: this.#files, entries });
  }

  /**
   * Notes from where a later writer can go on: the end of this batch if the files hold all of it, else that of the batch
   * before, if they hold that.
   */
  #advance(kind: CodeKind, codes: Codes | EncodedBatch): void {
    const before = this.#place;
    this.#place = undefined;
    if (!("itemsDone" in codes)) return;
    const { itemsDone, itemsBroken, itemsDigest } = codes;
    const source = { itemsDone, itemsBroken, itemsDigest };
    const place = { source, entries: this.#entries, grids: [...this.#grids.values()] };
    this.#place = place;
    // As long as what was written ahead has not come again, the place where this writer began is still the right one.
    if (this.#ahead.left > 0) return;
    const inFiles = this.#entries - (this.#layout?.pending ?? 0);
    if (inFiles === place.entries) this.#resumable = this.#progress(kind, place);
    else if (before !== undefined && inFiles >= before.entries) {
      const ahead = writtenAhead(codes, inFiles - before.entries);
      this.#resumable = { ...this.#progress(kind, before), ahead };
    }
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

  #count({ shape: [entries, gridHeight, gridWidth] }: Codes): void {
    const key = keyOf({ gridHeight, gridWidth });
    const before = this.#grids.get(key)?.entries ?? 0;
    this.#grids.set(key, { gridHeight, gridWidth, entries: before + entries });
    this.#entries += entries;
  }
}

export function closed(dir: string): VqkitError {
  return new VqkitError("codes", `${dir}: expected no more codes after the end, got some.`);
}

function keyOf({ gridHeight, gridWidth }: Pick<CodeGrid, "gridHeight" | "gridWidth">): string {
  return `${gridHeight}x${gridWidth}`;
}
