/** Attempts at a run: each trains in a folder of its own, which begins as a copy of the one that came furthest. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { formatError, namesIn, parseJson, readWhole, writeJsonFile } from "../../files/index.js";
import { RunFolder } from "../../runs/index.js";
import type { TrainingRecord } from "../computing/train.js";
import { metImages } from "../met-images.js";
import { attemptName, type PieceResult } from "../task.js";
import { newestStep } from "./run-copies.js";

const FORMAT = { format: "vqkit-training-piece", formatVersion: 1 } as const;
const FILE = "piece.json";
const MAX_BYTES = 2 ** 28;

const recordSchema = z.object({
  format: z.literal(FORMAT.format),
  formatVersion: z.literal(FORMAT.formatVersion),
  piece: z.int().min(0),
  steps: z.int().min(0),
  ...metImages,
});

/** What a worker says of a run that it has trained to its end. */
export type TrainedPiece = z.output<typeof recordSchema>;

export interface Attempt {
  readonly dir: string;
  /** Of its newest checkpoint. */
  readonly step: number;
}

/**
 * The attempt at a piece that has the newest checkpoint. All of them are of one computation, so whoever came furthest is
 * continued from, and a worker whose lease ended while it trained has not worked in vain.
 *
 * @returns undefined where none has a checkpoint
 * @throws VqkitError("file")
 */
export async function furthestAttempt(dir: string, piece: number): Promise<Attempt | undefined> {
  const isOne = new RegExp(`^${attemptName(piece, "[0-9a-f]{16}")}$`);
  let furthest: Attempt | undefined;
  for (const name of (await namesIn(dir)).sort()) {
    if (!isOne.test(name)) continue;
    const attempt = path.join(dir, name);
    const step = await newestStep(attempt);
    if (step !== undefined && step > (furthest?.step ?? -1)) furthest = { dir: attempt, step };
  }
  return furthest;
}

/** Notes down beside a trained run what its training met. @throws VqkitError("file") */
export async function finishAttempt(
  dir: string,
  { piece, record }: { readonly piece: number; readonly record: TrainingRecord },
): Promise<PieceResult> {
  const file = path.join(dir, FILE);
  const { steps, broken, notes } = record;
  await writeJsonFile(file, { ...FORMAT, piece, steps, broken, notes } as never); // plain data
  return { folder: path.basename(dir), digest: await digestOf(file), items: steps };
}

/**
 * What a worker said of a piece that was completed, and its run folder.
 *
 * @throws VqkitError("format") for a record that is not the one that was completed; VqkitError("run") for a run that is not
 * whole; VqkitError("file")
 */
export async function readAttempt(
  dir: string,
  { folder, digest }: PieceResult,
): Promise<{ readonly record: TrainedPiece; readonly run: string }> {
  const run = path.join(dir, folder);
  const file = path.join(run, FILE);
  if ((await digestOf(file)) !== digest) {
    throw formatError(file, "expected what the worker wrote, got other bytes.");
  }
  await checkWhole(await RunFolder.open(run));
  try {
    return {
      record: parseConfig(recordSchema, parseJson(await readWhole(file, MAX_BYTES), file), ""),
      run,
    };
  } catch (error) {
    throw error instanceof VqkitError ? formatError(file, error.message) : error;
  }
}

/** Files may be gone, or damaged, that the record says nothing of. */
async function checkWhole(folder: RunFolder): Promise<void> {
  await folder.readSummary();
  await folder.readModel();
  await folder.readUsage();
  const missing = (["metrics", "reconstructions"] as const).find((name) => !existsSync(folder.path(name)));
  if (missing === undefined) return;
  throw new VqkitError("run", `${folder.path(missing)}: expected what the worker wrote, got nothing.`);
}

async function digestOf(file: string): Promise<string> {
  return createHash("sha256")
    .update(await readWhole(file, MAX_BYTES))
    .digest("hex");
}
