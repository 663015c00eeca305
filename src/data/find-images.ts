import type { Stats } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import path from "node:path";
import { glob, isDynamicPattern } from "tinyglobby";
import { VqkitError } from "../core/errors.js";
import type { BrokenImage } from "./batch.js";
import { EXTENSION_LIST, fileKind, hasImageExtension, SOURCE_EXTENSION_LIST } from "./formats.js";

/** Which files count. */
interface Wanted {
  readonly has: (file: string) => boolean;
  /** Their endings, for messages. */
  readonly endings: string;
}

export interface FindOptions {
  /**
   * Told of what is called like a file that counts and is passed over inside a folder: links, pipes, folders without such
   * a file below them. A pattern matches none of these.
   */
  readonly onBroken?: (broken: BrokenImage) => void;
}

const IMAGES: Wanted = { has: hasImageExtension, endings: EXTENSION_LIST };
const SOURCES: Wanted = { has: (file) => fileKind(file) !== undefined, endings: SOURCE_EXTENSION_LIST };

/**
 * The image files that one or several sources name, absolute, with "/" between folders, each once, sorted by code point
 * (the same order on every platform and in every locale).
 *
 * A source is a folder (searched with its subfolders), a file, or a glob pattern; a source that exists on disk is never
 * read as a pattern. Inside folders and patterns, names that start with a dot and symbolic links are passed over, and
 * a file counts when its name ends in one of `IMAGE_EXTENSIONS`.
 *
 * @throws VqkitError "data" when a source does not exist, holds no image, or is a file of another kind.
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

/** Files that count, and what is only called like them. */
interface Found {
  readonly files: readonly string[];
  readonly broken: readonly BrokenImage[];
}

async function findFiles(
  source: string | readonly string[],
  wanted: Wanted,
  { onBroken }: FindOptions,
): Promise<string[]> {
  const found = new Set<string>();
  const broken = new Map<string, BrokenImage>();
  for (const each of typeof source === "string" ? [source] : source) {
    const { files, broken: passedOver } = await findIn(each, wanted);
    for (const file of files) found.add(file);
    for (const one of passedOver) broken.set(one.file, one);
  }
  for (const name of [...broken.keys()].sort(compareCodePoints)) {
    // A link that one source names itself is followed there.
    if (!found.has(name)) onBroken?.(broken.get(name) as BrokenImage);
  }
  return [...found].sort(compareCodePoints);
}

async function findIn(source: string, wanted: Wanted): Promise<Found> {
  const status = await statOrNone(source);
  if (status === undefined) {
    if (isDynamicPattern(source)) return findByPattern(source, wanted);
    throw new VqkitError(
      "data",
      `${source}: expected a folder, a file or a glob pattern, found nothing there.`,
    );
  }
  if (status.isDirectory()) return findInFolder(source, wanted);
  if (status.isFile() && wanted.has(source)) return { files: [normalised(source)], broken: [] };
  throw new VqkitError("data", `${source}: expected a folder or an image file (${wanted.endings}).`);
}

async function statOrNone(source: string): Promise<Stats | undefined> {
  try {
    return await stat(source);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw new VqkitError("data", `${source}: expected to be readable, got ${code ?? String(error)}.`, {
      cause: error,
    });
  }
}

async function findInFolder(folder: string, wanted: Wanted): Promise<Found> {
  const images: string[] = [];
  const broken: BrokenImage[] = [];
  const namedFolders: string[] = [];
  let files = 0;
  let links = 0;
  const folders = [path.resolve(folder)];
  for (let at = folders.pop(); at !== undefined; at = folders.pop()) {
    for (const entry of await readFolder(at)) {
      if (entry.name.startsWith(".")) continue;
      const file = normalised(path.join(at, entry.name));
      const isWanted = wanted.has(entry.name);
      if (entry.isDirectory()) {
        folders.push(file);
        if (isWanted) namedFolders.push(file);
      } else if (entry.isFile()) {
        files++;
        if (isWanted) images.push(file);
      } else {
        if (entry.isSymbolicLink()) links++;
        if (isWanted)
          broken.push({
            file,
            reason: entry.isSymbolicLink() ? "a symbolic link, which is not followed" : "a device or a pipe",
          });
      }
    }
  }
  for (const file of namedFolders) {
    if (!images.some((image) => image.startsWith(`${file}/`))) broken.push({ file, reason: "a folder" });
  }
  if (images.length === 0) {
    const shown = /[\\/]$/.test(folder) ? folder : `${folder}/`;
    const skipped = links === 0 ? "" : ` Symbolic links are not followed (${links} found).`;
    throw new VqkitError(
      "data",
      `${shown}: expected at least one image (${wanted.endings}), found none among ${files} files.${skipped}`,
    );
  }
  return { files: images, broken };
}

async function readFolder(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw new VqkitError("data", `${folder}/: expected a readable folder, got ${reason}.`, { cause: error });
  }
}

async function findByPattern(pattern: string, wanted: Wanted): Promise<Found> {
  const matches = await glob(pattern, {
    absolute: true,
    onlyFiles: true,
    dot: false,
    followSymbolicLinks: false,
    expandDirectories: false,
  });
  const images: string[] = [];
  for (const match of matches) {
    // A link that is not followed is matched like a file.
    if (wanted.has(match) && (await lstat(match)).isFile()) images.push(normalised(match));
  }
  if (images.length === 0) {
    throw new VqkitError(
      "data",
      `${pattern}: expected at least one image (${wanted.endings}), found none among ${matches.length} matches.`,
    );
  }
  return { files: images, broken: [] };
}

function normalised(file: string): string {
  return path.resolve(file).replaceAll(path.sep, "/");
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
