/** What a worker leaves of a part of an evaluation: sums of each model and of the mean colour, and what it met. */
import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import type { StoredSums } from "../../evaluation/index.js";
import { formatError, parseJson, readSafetensors, readWhole, writeJsonFile } from "../../files/index.js";
import { digestOf, type PartRecord } from "../computing/evaluate.js";
import { metImages } from "../met-images.js";
import type { PieceResult } from "../task.js";

const FORMAT = { format: "vqkit-evaluation-piece", formatVersion: 1 } as const;
const FILE = "piece.json";
const MAX_BYTES = 2 ** 28;

const recordSchema = z.object({
  format: z.literal(FORMAT.format),
  formatVersion: z.literal(FORMAT.formatVersion),
  piece: z.int().min(0),
  digests: z.record(z.string().regex(/^[\w-]+\.safetensors$/), z.string()),
  items: z.int().min(0),
  ...metImages,
});

/** A part of an evaluation as its submitter reads it. */
export interface EvaluatedPart extends Pick<z.output<typeof recordSchema>, "items" | "broken" | "notes"> {
  /** By the names of their files. */
  readonly sums: ReadonlyMap<string, StoredSums>;
}

/** Notes down beside the sums what there is of them. @throws VqkitError("file") */
export async function finishPart(
  dir: string,
  { piece, record }: { readonly piece: number; readonly record: PartRecord },
): Promise<PieceResult> {
  const file = path.join(dir, FILE);
  const { digests, items, broken, notes } = record;
  await writeJsonFile(file, { ...FORMAT, piece, digests, items, broken, notes } as never); // plain data
  return { folder: path.basename(dir), digest: sha256(await readWhole(file, MAX_BYTES)), items };
}

/** What was written of a part that counts for nothing. */
export async function removePart(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true }).catch(() => {});
}

/** @throws VqkitError("format") for files that are not those that were completed; VqkitError("file") */
export async function readPart(dir: string, { folder, digest }: PieceResult): Promise<EvaluatedPart> {
  const file = path.join(dir, folder, FILE);
  const bytes = await readWhole(file, MAX_BYTES);
  if (sha256(bytes) !== digest) throw formatError(file, "expected what the worker wrote, got other bytes.");
  try {
    const { digests, items, broken, notes } = parseConfig(recordSchema, parseJson(bytes, file), "");
    const sums = new Map<string, StoredSums>();
    for (const [name, expected] of Object.entries(digests)) {
      const { tensors, metadata } = await readSafetensors(path.join(dir, folder, name));
      const stored = { tensors, text: metadata.sums ?? "" };
      if (digestOf(stored) !== expected) {
        throw new VqkitError("format", `expected the sums that the worker wrote in ${name}, got others.`);
      }
      sums.set(name, stored);
    }
    return { items, broken, notes, sums };
  } catch (error) {
    throw error instanceof VqkitError ? formatError(file, error.message) : error;
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
