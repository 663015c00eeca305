import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { FolderLock } from "../../files/index.js";
import type { Codes } from "../codes.js";
import type { CodeWriter, CodeWriterOptions } from "./code-writer.js";
import { closed, FolderWriter } from "./folder-writer.js";
import { type CodeFormat, type CodeManifest, codeFormats } from "./manifest.js";
import { claimTarget, findTarget } from "./target.js";

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
 * Begins to write codes, or goes on where an interrupted writer stopped. The finished files are the same, byte for byte,
 * however the codes come in batches and however often writing was interrupted. The folder is the writer's alone until
 * `finish` has succeeded, or `suspend` or `abort` was called.
 *
 * @throws ConfigError for a wrong option; VqkitError("codes") when the folder is not empty and neither `overwrite` nor
 * `resume` allows that, or when it was begun or finished with another model, format or settings;
 * VqkitError("locked") when another writer has the folder; VqkitError("format" | "file")
 */
export async function openCodeWriter(dir: string, options: CodeWriterOptions = {}): Promise<CodeWriter> {
  const parsed = parseConfig(optionsSchema, options, "");
  // Before anything is written into a folder that is not ours, or that cannot be written and need not be.
  await FolderLock.check(dir);
  const found = await findTarget(dir, parsed);
  if ("finished" in found) return new FinishedWriter(dir, found.finished);
  const lock = await FolderLock.acquire(dir);
  try {
    const target = await claimTarget(dir, parsed);
    if ("finished" in target) {
      lock.release();
      return new FinishedWriter(dir, target.finished);
    }
    return await FolderWriter.open({ dir, lock, options: parsed, progress: target.progress });
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** For codes that an earlier run finished. */
class FinishedWriter implements CodeWriter {
  readonly resumedAt = undefined;
  readonly dir: string;
  readonly finished: CodeManifest;

  constructor(dir: string, finished: CodeManifest) {
    this.dir = dir;
    this.finished = finished;
  }

  get format(): CodeFormat {
    return this.finished.layout;
  }

  get entries(): number {
    return this.finished.entries;
  }

  async write(): Promise<void> {
    throw closed(this.dir);
  }

  async finish(): Promise<CodeManifest> {
    return this.finished;
  }

  async suspend(): Promise<boolean> {
    return false;
  }

  async abort(): Promise<void> {}
}
