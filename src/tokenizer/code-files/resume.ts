/**
 * Where a writing of codes stands, and how a later writer resumes it. An interrupted writer leaves its state in the folder,
 * as `.progress.json`: it is replaced whole every few seconds, after the files are on disk up to the lengths that it names.
 */
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import {
  clearLeftovers,
  isPartialName,
  type JsonObject,
  nameOfPartial,
  placeStagedFiles,
  quoted,
  readJsonFile,
  removeStagedFiles,
  writeJsonFile,
} from "../../files/index.js";
import { type Codes, otherModel, sliceCodes } from "../codes.js";
import { asFormatError, contentsSchema, kindSchema } from "./contents.js";
import { entriesOf, imageFields } from "./entry.js";
import type { CodeFormat } from "./formats.js";
import {
  type CodeManifest,
  isCodeFile,
  isUnfinishedFile,
  MANIFEST_FILE,
  manifestSchema,
  namesIn,
  PROGRESS_FILE,
  readManifest,
  writeManifest,
} from "./manifest.js";

const FORMAT = { format: "vqkit-codes-progress", formatVersion: 2 } as const;

const count = z.int().min(0);

const stateSchema = z
  .object({
    format: z.literal(FORMAT.format),
    formatVersion: z.literal(FORMAT.formatVersion),
    layout: manifestSchema.shape.layout,
    kind: kindSchema,
    settings: contentsSchema.shape.settings,
    shardBytes: count,
    /** How far the source has been read. Absent where only the renaming is left. */
    source: z.object({ itemsDone: count, itemsBroken: count, itemsDigest: z.string() }).optional(),
    /** Of the items of the source that are done. */
    entries: count,
    grids: contentsSchema.shape.grids,
    /**
     * Entries of the items that follow, which are in the files already: a row group of Parquet may end in the middle of a
     * batch. A writer that resumes gets them once more; the digest (SHA-256, in hex) shows that they are the same.
     */
    ahead: z.object({ entries: count, digest: z.string() }).optional(),
    /** Bytes of each file at that moment. */
    files: z.record(
      z.string().refine((name) => isCodeFile(name.replace(/\.scratch$/, "")), "expected names of code files"),
      count,
    ),
    /** There once the files are complete and only their renaming is left. */
    manifest: manifestSchema.optional(),
  })
  .refine(
    ({ source, manifest }) => source !== undefined || manifest !== undefined,
    "expected source or manifest",
  );

/** Where a writing of codes stands. */
export type WritingState = Omit<z.output<typeof stateSchema>, "format" | "formatVersion">;

/** @throws VqkitError("file") */
export async function saveState(dir: string, state: WritingState): Promise<void> {
  await writeJsonFile(join(dir, PROGRESS_FILE), { ...FORMAT, ...state });
}

/** @throws VqkitError("format") for what no writer of this version left; VqkitError("file") */
async function readState(dir: string): Promise<WritingState> {
  const path = join(dir, PROGRESS_FILE);
  try {
    const { format, formatVersion, ...state } = parseConfig(stateSchema, await readJsonFile(path), "");
    return state;
  } catch (error) {
    throw asFormatError(error, path);
  }
}

export async function removeState(dir: string): Promise<void> {
  await rm(join(dir, PROGRESS_FILE), { force: true });
}

/** Where a writer begins: behind the state that an interrupted one left, else at the beginning; or all is done. */
export interface Start {
  readonly state?: WritingState;
  readonly finished?: CodeManifest;
}

/** What a writer was asked for. */
export interface WritingRequest {
  readonly format: CodeFormat;
  readonly overwrite: boolean;
  readonly resume: boolean;
  readonly settings: JsonObject;
  readonly fingerprint?: string | undefined;
  readonly shardBytes: number;
}

/**
 * Makes sure that a writer may write into a folder, and touches nothing.
 *
 * @returns where it begins; a state with a manifest only needs its files put into place
 * @throws VqkitError("codes" | "format" | "file") as `openCodeWriter`
 */
export async function findStart(dir: string, request: WritingRequest): Promise<Start> {
  const names = await namesIn(dir);
  if (request.resume && names.includes(PROGRESS_FILE)) {
    const state = await readState(dir);
    const { kind, layout: format, shardBytes, settings } = state;
    const before = { fingerprint: kind.fingerprint, settings: { format, shardBytes, ...settings } };
    checkSame(before, request, { dir, what: "interrupted run" });
    return { state };
  }
  if (request.resume && names.includes(MANIFEST_FILE) && !request.overwrite) {
    const finished = await readManifest(dir);
    const { fingerprint, layout: format, settings } = finished;
    checkSame({ fingerprint, settings: { format, ...settings } }, request, { dir, what: "finished codes" });
    return { finished };
  }
  checkFree(dir, names, request);
  return {};
}

/**
 * The same for whoever has the folder's lock: puts complete codes into their places, and clears what a killed writer left
 * that cannot be resumed.
 */
export async function claimStart(dir: string, request: WritingRequest): Promise<Start> {
  const start = await findStart(dir, request);
  const complete = start.state?.manifest;
  if (complete !== undefined) {
    await placeCodes(dir, complete);
    return { finished: complete };
  }
  await clearLeftovers(dir);
  if (start.finished === undefined && start.state === undefined) await removeUnfinished(dir);
  return start;
}

/**
 * Puts complete files into place, the manifest last, in place of codes that stood there. It may be repeated when it
 * was interrupted.
 *
 * @throws VqkitError("file")
 */
export async function placeCodes(dir: string, manifest: CodeManifest): Promise<void> {
  const files = manifest.files.map(({ file }) => file);
  await rm(join(dir, MANIFEST_FILE), { force: true });
  for (const name of (await namesIn(dir)).filter(isCodeFile)) {
    if (!files.includes(name)) await rm(join(dir, name), { force: true });
  }
  await placeStagedFiles(dir, files);
  await writeManifest(dir, manifest);
  await removeUnfinished(dir);
}

async function removeUnfinished(dir: string): Promise<void> {
  const names = await namesIn(dir);
  await removeState(dir);
  const partial = names.filter((name) => isUnfinishedFile(name) && isPartialName(name));
  await removeStagedFiles(dir, partial.map(nameOfPartial));
}

function checkFree(dir: string, names: readonly string[], { overwrite }: WritingRequest): void {
  // A writer that was killed before it could save its state leaves files of no use to anybody.
  const unfinished = names.includes(PROGRESS_FILE);
  const others = unfinished ? names : names.filter((name) => !isUnfinishedFile(name));
  if (others.length === 0) return;
  // A writer that was killed while it put files into place leaves codes without a manifest.
  const isOurs = others.includes(MANIFEST_FILE) || others.every((n) => isCodeFile(n) || isUnfinishedFile(n));
  if (isOurs && overwrite) return;
  const wanted = `a new or empty folder${overwrite ? ", or a code folder to overwrite" : ""}`;
  const got = isOurs ? (unfinished ? "an interrupted run" : "codes") : "other files";
  const choose = unfinished ? "Resume it (option resume), choose" : "Choose";
  const next = isOurs
    ? `${choose} another folder, or replace it (option overwrite).`
    : "Choose another folder.";
  throw new VqkitError("codes", `${dir}: expected ${wanted}, got one with ${got} in it. ${next}`);
}

/** @param before format and settings by name, but for those that nothing recorded */
function checkSame(
  before: { readonly fingerprint: string; readonly settings: JsonObject },
  request: WritingRequest,
  { dir, what }: { readonly dir: string; readonly what: string },
): void {
  if (request.fingerprint !== undefined && request.fingerprint !== before.fingerprint) {
    throw otherModel(before.fingerprint, request.fingerprint);
  }
  const { format, shardBytes, settings } = request;
  const now: JsonObject = { format, ...("shardBytes" in before.settings ? { shardBytes } : {}), ...settings };
  for (const key of new Set([...Object.keys(before.settings), ...Object.keys(now)])) {
    const [a, b] = [before.settings[key], now[key]];
    if (isDeepStrictEqual(a, b)) continue;
    throw new VqkitError(
      "codes",
      `${dir}: expected ${key} ${textOf(a)} as in the ${what}, got ${textOf(b)}. Use the same settings, or begin anew (option overwrite).`,
    );
  }
}

function textOf(setting: JsonObject[string] | undefined): string {
  return setting === undefined ? "absent" : quoted(setting);
}

type EntriesAhead = NonNullable<WritingState["ahead"]>;

/** What `WritingState.ahead` says where the first `entries` of a batch are in the files. */
export function entriesAhead(codes: Codes, entries: number): EntriesAhead {
  const digest = new EntriesDigest();
  if (entries > 0) digest.add(sliceCodes(codes, 0, entries));
  return { entries, digest: digest.hex() };
}

/** Entries that are in the files already and come again: takes them out of the batches. */
export class RepeatedEntries {
  #left: number;
  readonly #expected: string;
  readonly #digest = new EntriesDigest();

  constructor({ entries, digest }: EntriesAhead = { entries: 0, digest: "" }) {
    this.#left = entries;
    this.#expected = digest;
  }

  /** How many are still to come. */
  get left(): number {
    return this.#left;
  }

  /**
   * @returns what is to be written of a batch; undefined for nothing
   * @throws VqkitError("codes") when the entries are not those that were written
   */
  dropFrom(codes: Codes): Codes | undefined {
    const entries = codes.images.length;
    const known = Math.min(this.#left, entries);
    if (known === 0) return codes;
    this.#digest.add(sliceCodes(codes, 0, known));
    this.#left -= known;
    if (this.#left === 0 && this.#digest.hex() !== this.#expected) {
      throw new VqkitError(
        "codes",
        `codes: expected ${codes.images[known - 1]?.name} and those before it as the interrupted run wrote them, got others. Give the same images as before.`,
      );
    }
    return known === entries ? undefined : sliceCodes(codes, known);
  }
}

/** Of entries one after another, however they come in batches. */
class EntriesDigest {
  readonly #hash = createHash("sha256");

  add(codes: Codes): void {
    const [, ...shape] = codes.shape;
    for (const { image, indices } of entriesOf(codes)) {
      this.#hash.update(JSON.stringify({ ...imageFields(image), shape }));
      this.#hash.update(new Uint8Array(indices.buffer, indices.byteOffset, indices.byteLength));
    }
  }

  hex(): string {
    return this.#hash.copy().digest("hex");
  }
}
