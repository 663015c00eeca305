import { createWriteStream } from "node:fs";
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { z } from "zod";
import { VqkitError } from "../../core/errors.js";
import { writeFileAtomic } from "../../files/index.js";
import { fileKind, SOURCE_EXTENSION_LIST } from "../formats.js";
import { hubAccess, hubCache, hubFault, loadHubPackage } from "./hub-access.js";
import { hubSourceText, isCommit, isHubSource, parseHubSource } from "./hub-source.js";

/** Files that are about to be downloaded. */
export interface HubFetch {
  /** The data set, with its commit. */
  readonly source: string;
  /** How many files of it have images, and how many of them are not here yet. */
  readonly files: number;
  readonly missing: number;
  /** Of what is missing. */
  readonly bytes: number;
  /** Where they go. */
  readonly folder: string;
}

export interface HubOptions {
  /** Told before anything is downloaded. */
  readonly onFetch?: (fetch: HubFetch) => void;
}

/**
 * Sources with the commit of each data set on a hub that names none, so that they mean the same files for ever; others as
 * they are. Nothing is asked of a hub where no source is on one.
 *
 * @throws VqkitError("data")
 */
export async function pinned<S extends string | readonly string[] | null>(sources: S): Promise<S> {
  if (sources === null) return sources;
  if (typeof sources === "string") return (await pinnedSource(sources)) as S;
  return (await Promise.all(sources.map(pinnedSource))) as readonly string[] as S;
}

async function pinnedSource(source: string): Promise<string> {
  if (!isHubSource(source)) return source;
  const { name, revision, path } = parseHubSource(source);
  if (isCommit(revision)) return source;
  const { datasetInfo } = await loadHubPackage(source);
  const access = hubAccess();
  try {
    const given = revision === undefined ? {} : { revision };
    const { sha } = await datasetInfo({ name, ...given, ...access, additionalFields: ["sha"] });
    if (!isCommit(sha)) throw new Error(`no commit, but ${JSON.stringify(sha)}`);
    return hubSourceText({ name, revision: sha, path });
  } catch (error) {
    throw hubFault(source, access, error);
  }
}

/**
 * The files of a data set on a hub that images can be read from, sorted by their paths there; those that are not here yet
 * are downloaded. A data set whose commit is named, and whose files are here, needs no hub.
 *
 * @returns their paths on this machine
 * @throws VqkitError("data") where the hub has no such data set, or it has no such files
 */
export async function hubFiles(source: string, { onFetch }: HubOptions = {}): Promise<string[]> {
  const exact = await pinned(source);
  const { name, revision = "", path: within } = parseHubSource(exact);
  const folder = path.join(hubCache(), ...name.split("/"), revision);
  const all = await listing(exact, folder);
  const isWithin = (file: string): boolean =>
    within === "" || file === within || file.startsWith(`${within}/`);
  const isHidden = (file: string): boolean => file.split("/").some((part) => part.startsWith("."));
  const wanted = all.filter(
    (file) => isWithin(file.path) && !isHidden(file.path) && fileKind(file.path) !== undefined,
  );
  if (wanted.length === 0) {
    throw new VqkitError(
      "data",
      `${source}: expected at least one image (${SOURCE_EXTENSION_LIST}), found none among ${all.length} files.`,
    );
  }
  const missing: HubFile[] = [];
  for (const file of wanted) if (!(await isHere(path.join(folder, file.path), file.size))) missing.push(file);
  if (missing.length > 0) {
    const bytes = missing.reduce((sum, { size }) => sum + size, 0);
    onFetch?.({ source: exact, files: wanted.length, missing: missing.length, bytes, folder });
  }
  for (const file of missing) await download(exact, file, path.join(folder, file.path));
  return wanted.map((file) => path.join(folder, file.path).replaceAll(path.sep, "/"));
}

const hubFile = z.object({ path: z.string(), size: z.int().min(0) });
type HubFile = z.output<typeof hubFile>;

/** What is beside the files of a commit: which there are. */
const LISTING = ".vqkit-files.json";

/** All files of a commit, sorted by path. */
async function listing(source: string, folder: string): Promise<HubFile[]> {
  const file = path.join(folder, LISTING);
  try {
    return z.array(hubFile).parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    // Not asked for yet, or damaged.
  }
  const { name, revision = "" } = parseHubSource(source);
  const { listFiles } = await loadHubPackage(source);
  const access = hubAccess();
  const found: HubFile[] = [];
  try {
    const repo = { type: "dataset", name } as const;
    for await (const { type, path: at, size } of listFiles({ repo, revision, recursive: true, ...access })) {
      if (type === "file") found.push({ path: checkedPath(source, at), size });
    }
  } catch (error) {
    throw hubFault(source, access, error);
  }
  found.sort((a, b) => (a.path < b.path ? -1 : 1));
  await mkdir(folder, { recursive: true });
  await writeFileAtomic(file, JSON.stringify(found));
  return found;
}

/** A file's place comes from someone else: it must not lead out of the folder of its data set. */
function checkedPath(source: string, file: string): string {
  const parts = file.split("/");
  if (!parts.some((part) => part === "" || part === "." || part === "..") && !/[\\:\0]/.test(file))
    return file;
  throw new VqkitError("data", `${source}: expected names of files, got ${JSON.stringify(file)}.`);
}

async function isHere(file: string, size: number): Promise<boolean> {
  return stat(file).then(
    (found) => found.isFile() && found.size === size,
    () => false,
  );
}

async function download(source: string, { path: at, size }: HubFile, file: string): Promise<void> {
  const { name, revision = "" } = parseHubSource(source);
  const { downloadFile } = await loadHubPackage(source);
  const access = hubAccess();
  const partial = `${file}.${process.pid}.partial`;
  try {
    const repo = { type: "dataset", name } as const;
    const content = await downloadFile({ repo, path: at, revision, ...access });
    if (content === null) throw new Error(`no file ${at}`);
    await mkdir(path.dirname(file), { recursive: true });
    await pipeline(Readable.fromWeb(content.stream() as ReadableStream), createWriteStream(partial));
    const { size: got } = await stat(partial);
    if (got !== size) throw new Error(`${got} bytes of ${at} instead of ${size}`);
    await rename(partial, file);
  } catch (error) {
    await rm(partial, { force: true });
    throw hubFault(source, access, error);
  }
}
