import { mkdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, VqkitError } from "../../core/errors.js";
import { NpyStackWriter, removeTemporaries, StagedFile } from "../../runs/index.js";
import { type Codes, otherModel } from "../codes.js";
import {
  type CodeManifest,
  type CodeStack,
  IMAGES_FILE,
  isCodeFile,
  MANIFEST_FILE,
  namesIn,
  stackFile,
  writeManifest,
} from "./manifest.js";

export interface WriteCodesOptions {
  /** Replace the code folder that stands there: its own files only, other files stay. Default false. */
  readonly overwrite?: boolean;
}

/**
 * Writes a code folder, in memory that does not grow with the number of images:
 * `await writeCodes("codes", tokenizer.encodeAll("photos"))`.
 *
 * Nothing is in place before the last image has been written; on failure a folder that was made is removed and one that
 * stood there stands. (Putting the files into place is a handful of renames, the manifest last.)
 *
 * @param codes all of one model; any latent grids
 * @returns what was written
 * @throws VqkitError("codes") when the folder is not empty and `overwrite` is off, holds something other than codes, or
 * there are no codes or codes of two models; VqkitError("file"); what `codes` throws
 */
export async function writeCodes(
  dir: string,
  codes: AsyncIterable<Codes> | Iterable<Codes>,
  { overwrite = false }: WriteCodesOptions = {},
): Promise<CodeManifest> {
  await checkTarget(dir, overwrite);
  const made = await makeFolder(dir);
  const writer = new CodeFolderWriter(dir);
  try {
    await removeTemporaries(dir);
    for await (const batch of codes) await writer.add(batch);
    return await writer.commit();
  } catch (error) {
    // The first error says what went wrong; what cannot be removed now goes with the next writer's start.
    await writer.discard().catch(() => {});
    // Only a folder of our own making, and only when nobody else put something there.
    if (made) await rmdir(dir).catch(() => {});
    throw error;
  }
}

interface Kind {
  readonly fingerprint: string;
  readonly codebookSize: number;
  readonly numCodebooks: number;
}

class CodeFolderWriter {
  readonly #dir: string;
  readonly #stacks = new Map<string, NpyStackWriter>();
  #images: StagedFile | undefined;
  #kind: Kind | undefined;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async add(codes: Codes): Promise<void> {
    this.#check(codes);
    const [, gridHeight, gridWidth] = codes.shape;
    const file = stackFile(gridHeight, gridWidth);
    const stack = await this.#stack(file, codes);
    const lines = codes.images.map(({ name, width, height }, i) =>
      JSON.stringify({ name, width, height, stack: file, row: stack.rows + i }),
    );
    await stack.append(codes.indices);
    this.#images ??= await StagedFile.create(join(this.#dir, IMAGES_FILE));
    await this.#images.append(Buffer.from(`${lines.join("\n")}\n`));
  }

  async commit(): Promise<CodeManifest> {
    if (this.#kind === undefined || this.#images === undefined) {
      throw new VqkitError("codes", `${this.#dir}: expected codes of at least one image, got none.`);
    }
    const stacks = [...this.#stacks].map(([file, writer]): CodeStack => {
      const [gridHeight = 0, gridWidth = 0] = writer.row.shape;
      return { file, gridHeight, gridWidth, images: writer.rows };
    });
    const images = stacks.reduce((sum, stack) => sum + stack.images, 0);
    const manifest = { ...this.#kind, images, stacks };
    await removeCodes(this.#dir);
    for (const stack of this.#stacks.values()) await stack.commit();
    await this.#images.commit();
    await writeManifest(this.#dir, manifest);
    return manifest;
  }

  async discard(): Promise<void> {
    for (const stack of this.#stacks.values()) await stack.discard();
    await this.#images?.discard();
  }

  #check({ fingerprint, codebookSize, shape, indices, images }: Codes): void {
    const [count, height, width, numCodebooks] = shape;
    this.#kind ??= { fingerprint, codebookSize, numCodebooks };
    if (this.#kind.fingerprint !== fingerprint) throw otherModel(this.#kind.fingerprint, fingerprint);
    if (indices.length !== count * height * width * numCodebooks || images.length !== count) {
      throw new VqkitError(
        "codes",
        `codes: expected indices and images of shape [${shape.join(",")}], got ${indices.length} indices and ${images.length} images.`,
      );
    }
  }

  async #stack(file: string, { indices, shape: [, ...row] }: Codes): Promise<NpyStackWriter> {
    const known = this.#stacks.get(file);
    if (known !== undefined) return known;
    const dtype = indices.BYTES_PER_ELEMENT === 2 ? "U16" : "U32";
    const stack = await NpyStackWriter.create(join(this.#dir, file), { dtype, shape: row });
    this.#stacks.set(file, stack);
    return stack;
  }
}

async function checkTarget(dir: string, overwrite: boolean): Promise<void> {
  const names = await namesIn(dir);
  if (names.length === 0) return;
  // A writer that was killed while it put files into place leaves codes without a manifest.
  const isOurs = names.includes(MANIFEST_FILE) || names.every(isCodeFile);
  if (isOurs && overwrite) return;
  const wanted = `a new or empty folder${overwrite ? ", or a code folder to overwrite" : ""}`;
  const next = isOurs ? "Choose another folder, or set overwrite (--overwrite)." : "Choose another folder.";
  throw new VqkitError(
    "codes",
    `${dir}: expected ${wanted}, got one with ${isOurs ? "codes" : "other files"} in it. ${next}`,
  );
}

/** @returns whether the folder was not there before */
async function makeFolder(dir: string): Promise<boolean> {
  try {
    return (await mkdir(dir, { recursive: true })) !== undefined;
  } catch (error) {
    throw new VqkitError("file", `${dir}: could not make the folder (${messageOf(error)}). Check the path.`, {
      cause: error,
    });
  }
}

/** Removes an earlier code folder's files, the manifest first. */
async function removeCodes(dir: string): Promise<void> {
  await rm(join(dir, MANIFEST_FILE), { force: true });
  for (const name of (await namesIn(dir)).filter(isCodeFile)) await rm(join(dir, name), { force: true });
}
