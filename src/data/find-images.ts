import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { VqkitError } from "../core/errors.js";
import type { BrokenImage } from "./batch.js";
import {
  countPassedOver,
  describeEndings,
  describePassedOver,
  type PassedOver,
  type PassedReason,
} from "./finding/passed-over.js";
import { expandSource, isPattern, type SourcePattern } from "./finding/source-pattern.js";
import { EVERYTHING, normalised, type Scope, type Walked, walkFolder } from "./finding/walk-folder.js";
import { EXTENSION_LIST, fileKind, hasImageExtension, SOURCE_EXTENSION_LIST } from "./formats.js";

/** Which files count. */
interface Wanted {
  readonly has: (file: string) => boolean;
  /** Their endings, for messages. */
  readonly endings: string;
}

export interface FindOptions {
  /**
   * Told of what is called like a file that counts and is none (links, pipes, folders without such a file below them), and
   * of folders below a source that cannot be read; where absent, such a folder is an error.
   */
  readonly onBroken?: (broken: BrokenImage) => void;
  /** Told once, at the end, how much else was met and passed over. */
  readonly onPassedOver?: (passedOver: PassedOver) => void;
  /** Folders that are being written: what lies in them is passed over, unless a source is one of them or lies in one. */
  readonly outputs?: readonly string[];
}

const IMAGES: Wanted = { has: hasImageExtension, endings: EXTENSION_LIST };
const SOURCES: Wanted = { has: (file) => fileKind(file) !== undefined, endings: SOURCE_EXTENSION_LIST };

/**
 * The image files that one or several sources name, absolute, with "/" between folders, each once, sorted by code point
 * (the same order on every platform and in every locale).
 *
 * A source is a folder (searched with its subfolders), a file, or a pattern with braces and wildcards as in bash; a source
 * that exists on disk is never read as a pattern. Inside folders and patterns, names that start with a dot and symbolic
 * links are passed over, and so are folders that vqkit wrote (runs, comparisons, codes, decoded images, charts); a file
 * counts when its name ends in one of `IMAGE_EXTENSIONS`.
 *
 * @throws VqkitError "data" when a source does not exist, holds no image, cannot be read, or is a file of another kind;
 * when one of the names that braces stand for does not exist
 */
export async function findImages(
  source: string | readonly string[],
  options: FindOptions = {},
): Promise<string[]> {
  return findFiles(source, IMAGES, options);
}

/** As `findImages`, for image files and for files that hold many: tar shards and Parquet files. */
export async function findSources(
  source: string | readonly string[],
  options: FindOptions = {},
): Promise<string[]> {
  return findFiles(source, SOURCES, options);
}

async function findFiles(
  source: string | readonly string[],
  wanted: Wanted,
  { onBroken, onPassedOver, outputs = [] }: FindOptions,
): Promise<string[]> {
  const search = new Search(wanted, outputs);
  for (const each of typeof source === "string" ? [source] : source) await search.find(each);
  const { found, broken } = search;
  const passedOver = search.passedOver();
  for (const name of [...broken.keys()].sort(compareCodePoints)) {
    const one = broken.get(name) as BrokenImage;
    // A link that one source names itself is followed there.
    if (found.has(name)) continue;
    if (onBroken === undefined && one.isFolder) {
      throw new VqkitError("data", `${name}/: expected a readable folder, got ${one.reason}.`);
    }
    onBroken?.(one);
  }
  onPassedOver?.(countPassedOver(passedOver));
  return [...found].sort(compareCodePoints);
}

/** Names that are looked up at once. */
const LOOKED_UP_AT_ONCE = 64;
const MISSING_NAMED_AT_MOST = 5;

/** Gathers what several sources name. */
class Search {
  readonly found = new Set<string>();
  readonly broken = new Map<string, BrokenImage>();
  readonly #passedOver = new Map<string, PassedReason>();
  readonly #wanted: Wanted;
  readonly #outputs: readonly string[];
  /** Folders that a source named itself. */
  readonly #roots = new Set<string>();

  constructor(wanted: Wanted, outputs: readonly string[]) {
    this.#wanted = wanted;
    this.#outputs = outputs;
  }

  async find(source: string): Promise<void> {
    const status = await statOrNone(source);
    if (status !== undefined) return this.#findNamed(source, status);
    const expanded = expandSource(source);
    if (!isPattern(expanded)) {
      const [name = source] = expanded.names;
      const unescaped = name === source ? undefined : await statOrNone(name);
      if (unescaped !== undefined) return this.#findNamed(name, unescaped);
      throw new VqkitError(
        "data",
        `${source}: expected a folder, a file or a glob pattern, found nothing there.`,
      );
    }
    for (const [name, each] of await lookUp(source, expanded.names)) await this.#findNamed(name, each);
    if (expanded.patterns.length > 0) await this.#findMatches(source, expanded.patterns);
  }

  /** What no source named itself, after the last source. */
  passedOver(): ReadonlyMap<string, PassedReason> {
    for (const root of this.#roots) {
      const reason = this.#passedOver.get(root);
      if (reason === "pictures" || reason === "output") this.#passedOver.delete(root);
    }
    return this.#passedOver;
  }

  async #findNamed(source: string, status: Stats): Promise<void> {
    if (status.isDirectory()) return this.#findInFolder(source);
    if (!status.isFile() || !this.#wanted.has(source)) {
      const { endings } = this.#wanted;
      throw new VqkitError("data", `${source}: expected a folder or an image file (${endings}).`);
    }
    this.found.add(normalised(source));
  }

  async #findInFolder(folder: string): Promise<void> {
    const walked = await this.#walk(folder, EVERYTHING);
    if (walked.images.length > 0) return;
    throw this.#nothingIn(/[\\/]$/.test(folder) ? folder : `${folder}/`, "files", [walked]);
  }

  async #findMatches(source: string, patterns: readonly SourcePattern[]): Promise<void> {
    // Each folder is looked through once: *.{jpg,png} is two patterns of one.
    const byBase = new Map<string, Scope[]>();
    for (const { base, scope } of patterns) byBase.set(base, [...(byBase.get(base) ?? []), scope]);
    const all: Walked[] = [];
    for (const [base, scopes] of byBase) {
      if ((await statOrNone(base === "" ? "." : base))?.isDirectory() !== true) continue;
      all.push(await this.#walk(base, anyOf(scopes)));
    }
    if (all.every(({ images }) => images.length === 0)) throw this.#nothingIn(source, "matches", all);
  }

  async #walk(root: string, scope: Scope): Promise<Walked> {
    const isWanted = this.#wanted.has;
    const walked = await walkFolder(root, { scope, isWanted, outputs: this.#outputs });
    this.#roots.add(normalised(root));
    for (const file of walked.images) this.found.add(file);
    for (const one of walked.broken) this.broken.set(one.file, one);
    for (const [name, reason] of walked.passedOver) this.#passedOver.set(name, reason);
    return walked;
  }

  #nothingIn(shown: string, what: "files" | "matches", walked: readonly Walked[]): VqkitError {
    const passedOver = countPassedOver(new Map(walked.flatMap((each) => [...each.passedOver])));
    const [files, links] = [sum(walked, "files"), sum(walked, "links")];
    const count = what === "files" ? files : files + links;
    const endings = passedOver.files === 0 ? "" : ` (${describeEndings(passedOver.endings)})`;
    const own = describePassedOver({ ...passedOver, files: 0, links: 0, devices: 0 });
    const unreadable = walked.flatMap(({ broken }) => broken).find(({ isFolder }) => isFolder);
    const notes = [
      links === 0 ? "" : ` Symbolic links are not followed (${links} found).`,
      own === "" ? "" : ` Passed over: ${own}.`,
      unreadable === undefined ? "" : ` ${unreadable.file}: ${unreadable.reason}.`,
    ];
    return new VqkitError(
      "data",
      `${shown}: expected at least one image (${this.#wanted.endings}), found none among ${count} ${what}${endings}.${notes.join("")}`,
    );
  }
}

function sum(walked: readonly Walked[], count: "files" | "links"): number {
  return walked.reduce((all, each) => all + each[count], 0);
}

function anyOf(scopes: readonly Scope[]): Scope {
  return {
    enters: (folder) => scopes.some((scope) => scope.enters(folder)),
    has: (file) => scopes.some((scope) => scope.has(file)),
  };
}

/** What each of the names that braces stand for is. @throws VqkitError "data" that names those that are missing */
async function lookUp(source: string, names: readonly string[]): Promise<(readonly [string, Stats])[]> {
  const found: (readonly [string, Stats])[] = [];
  const missing: string[] = [];
  for (let at = 0; at < names.length; at += LOOKED_UP_AT_ONCE) {
    const some = names.slice(at, at + LOOKED_UP_AT_ONCE);
    const statuses = await Promise.all(some.map(statOrNone));
    for (const [i, status] of statuses.entries()) {
      if (status === undefined) missing.push(some[i] as string);
      else found.push([some[i] as string, status]);
    }
  }
  if (missing.length === 0) return found;
  const rest = missing.length - MISSING_NAMED_AT_MOST;
  const list = missing.slice(0, MISSING_NAMED_AT_MOST).join(", ") + (rest > 0 ? ` and ${rest} more` : "");
  throw new VqkitError(
    "data",
    `${source}: expected a file or a folder of each of the ${names.length} names, found nothing for ${missing.length}: ${list}.`,
  );
}

async function statOrNone(source: string): Promise<Stats | undefined> {
  try {
    return await stat(source);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // No file has a name of so many bytes; braces of many names may.
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ENAMETOOLONG") return undefined;
    throw new VqkitError("data", `${source}: expected to be readable, got ${code ?? String(error)}.`, {
      cause: error,
    });
  }
}

/** Order by code point; JavaScript's own `<` orders by UTF-16 unit, which puts U+10000 and above before U+E000. */
function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return lifted(x) - lifted(y);
  }
  return a.length - b.length;
}

/** Halves of a surrogate pair stand for code points above every single unit. */
function lifted(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
