import type { Dirent } from "node:fs";
import { readdir, realpath } from "node:fs/promises";
import path from "node:path";
import { VqkitError } from "../../core/errors.js";
import { ownFolderKind } from "../../files/index.js";
import type { BrokenImage } from "../batch.js";
import type { PassedReason } from "./passed-over.js";

/** Which names below a folder count. Paths are relative to it, with "/" between folders. */
export interface Scope {
  /** Whether a folder is gone into. */
  readonly enters: (folder: string) => boolean;
  /** Whether a file belongs to what is looked for, whatever its kind. */
  readonly has: (file: string) => boolean;
}

/** All names but hidden ones. */
export const EVERYTHING: Scope = { enters: isVisible, has: isVisible };

function isVisible(name: string): boolean {
  return !name.slice(name.lastIndexOf("/") + 1).startsWith(".");
}

export interface WalkOptions {
  readonly scope: Scope;
  /** Whether images are read from a file of this name. */
  readonly isWanted: (name: string) => boolean;
  /** Folders that are passed over with all that lies in them, unless the walk begins there or below. */
  readonly outputs: readonly string[];
}

/** What lies below a folder. Paths are absolute, with "/" between folders. */
export interface Walked {
  /** Files that images are read from, in no order. */
  readonly images: readonly string[];
  /** Called like images, and none; folders that cannot be read. */
  readonly broken: readonly BrokenImage[];
  /** Everything else that was met. */
  readonly passedOver: ReadonlyMap<string, PassedReason>;
  /** Symbolic links, whatever they are called. */
  readonly links: number;
  /** Files in scope. */
  readonly files: number;
}

/** What a comparison writes into its folder, which may be one of a person's; its runs are known by themselves. */
const COMPARISON_FILE = /^comparison(?:-plan)?\.(?:json|csv|png|html)$/;

/**
 * Looks through a folder and the folders below it. Symbolic links are not followed. What vqkit wrote is passed over: runs
 * and codes with all that lies in them, pictures too unless the walk begins there, of a comparison its own files.
 *
 * @param root absolute
 * @throws VqkitError("data") when the folder itself cannot be read; its cause is the system's error
 */
export async function walkFolder(root: string, options: WalkOptions): Promise<Walked> {
  const walk = new Walk(normalised(root), options);
  await walk.run();
  return walk;
}

class Walk implements Walked {
  readonly images: string[] = [];
  readonly broken: BrokenImage[] = [];
  readonly passedOver = new Map<string, PassedReason>();
  links = 0;
  files = 0;
  readonly #root: string;
  readonly #options: WalkOptions;
  /** Folders that are called like images. */
  readonly #namedFolders: string[] = [];
  /** Folders with an image in them or below. */
  readonly #withImages = new Set<string>();
  readonly #folders: string[];

  constructor(root: string, options: WalkOptions) {
    this.#root = root;
    this.#options = options;
    this.#folders = [root];
  }

  async run(): Promise<void> {
    const outputs = await this.#outputFolders();
    for (let at = this.#folders.pop(); at !== undefined; at = this.#folders.pop()) {
      if (outputs.has(at)) this.passedOver.set(at, "output");
      else await this.#visit(at);
    }
    for (const file of this.#namedFolders) {
      const isOwn = this.passedOver.has(file) || this.broken.some((each) => each.file === file);
      if (!this.#withImages.has(file) && !isOwn) this.broken.push({ file, reason: "a folder" });
    }
  }

  /** Outputs below the root, as the walk calls them. */
  async #outputFolders(): Promise<ReadonlySet<string>> {
    if (this.#options.outputs.length === 0) return new Set();
    const root = await realpath(this.#root).catch(() => this.#root);
    const found = new Set<string>();
    for (const output of this.#options.outputs) {
      // One that is not there yet holds nothing.
      const real = await realpath(output).catch(() => undefined);
      const inner = real === undefined ? "" : path.relative(root, real);
      if (inner === "" || inner.startsWith("..") || path.isAbsolute(inner)) continue;
      found.add(normalised(path.join(this.#root, inner)));
    }
    return found;
  }

  async #visit(at: string): Promise<void> {
    const entries = await this.#read(at);
    if (entries === undefined) return;
    const names = new Set(entries.filter((entry) => entry.isFile()).map(({ name }) => name));
    const kind = await ownFolderKind(at, names);
    if (kind !== undefined && !(kind === "pictures" && at === this.#root)) {
      this.passedOver.set(at, kind);
      if (kind !== "comparison") return;
    }
    for (const entry of entries) {
      if (kind === "comparison" && COMPARISON_FILE.test(entry.name)) continue;
      this.#take(entry, at);
    }
  }

  async #read(at: string): Promise<Dirent[] | undefined> {
    try {
      return await readdir(at, { withFileTypes: true });
    } catch (error) {
      const { code = String(error) } = error as NodeJS.ErrnoException;
      if (at !== this.#root) {
        this.broken.push({ file: at, reason: `a folder that cannot be read (${code})`, isFolder: true });
        return undefined;
      }
      const shown = at.endsWith("/") ? at : `${at}/`;
      throw new VqkitError("data", `${shown}: expected a readable folder, got ${code}.`, { cause: error });
    }
  }

  #take(entry: Dirent, at: string): void {
    const file = at.endsWith("/") ? `${at}${entry.name}` : `${at}/${entry.name}`;
    const inner = file.slice(this.#root.length).replace(/^\//, "");
    const { scope, isWanted } = this.#options;
    const has = scope.has(inner);
    const isCalledImage = has && isWanted(entry.name);
    if (entry.isDirectory()) {
      if (scope.enters(inner)) this.#folders.push(file);
      if (isCalledImage) this.#namedFolders.push(file);
      return;
    }
    if (!has) return;
    if (entry.isSymbolicLink()) this.links++;
    else if (entry.isFile()) this.files++;
    if (isCalledImage) this.#takeImage(entry, file);
    else this.passedOver.set(file, entry.isFile() ? "file" : entry.isSymbolicLink() ? "link" : "device");
  }

  #takeImage(entry: Dirent, file: string): void {
    if (!entry.isFile()) {
      const isLink = entry.isSymbolicLink();
      const reason = isLink ? "a symbolic link, which is not followed" : "a device or a pipe";
      this.broken.push({ file, reason });
      return;
    }
    this.images.push(file);
    for (let folder = path.posix.dirname(file); !this.#withImages.has(folder); ) {
      this.#withImages.add(folder);
      folder = path.posix.dirname(folder);
    }
  }
}

/** Absolute, with "/" between folders on every system. */
export function normalised(file: string): string {
  return path.resolve(file).replaceAll(path.sep, "/");
}
