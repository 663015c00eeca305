import { createHash } from "node:crypto";
import { basename } from "node:path";
import { isObject } from "../core/objects.js";
import { withReader } from "../files/index.js";

/** What an imported model was made of. It stands in the model's configuration, and in reports. */
export interface Original {
  /** The family's name, e.g. `taming`. */
  readonly family: string;
  /** Files of weights, without their folders. */
  readonly files: readonly OriginalFile[];
  /** What stood before the names of the tokenizer's weights, e.g. `state_dict.`. */
  readonly prefix: string;
  /** Whether the weights are the running average that stood beside others. */
  readonly averaged: boolean;
  /** The configuration's file; null where there was none. */
  readonly config: string | null;
  /** The version of vqkit that imported it. */
  readonly importedBy: string;
}

export interface OriginalFile {
  readonly name: string;
  readonly bytes: number;
  /** SHA-256, in hex. */
  readonly sha256: string;
}

const PIECE = 2 ** 24;

/** A file's fingerprint, read piece by piece. @throws VqkitError("file") */
export async function originalFile(path: string): Promise<OriginalFile> {
  return withReader(path, async (reader) => {
    const hash = createHash("sha256");
    for (let at = 0; at < reader.size; at += PIECE) {
      hash.update(await reader.read(at, Math.min(PIECE, reader.size - at)));
    }
    return { name: basename(path), bytes: reader.size, sha256: hash.digest("hex") };
  });
}

/** What a model was imported from, in words; "" for a configuration that says nothing of it. */
export function originText(original: unknown): string {
  if (!isObject(original) || !Array.isArray(original.files)) return "";
  const files = original.files.filter(isObject).map(({ name, sha256 }) => `${name}, SHA-256 \`${sha256}\``);
  return `${original.family}: ${files.join("; ")}`;
}
