/** What a worker makes of a piece: a folder of packed codes, and what it read beside them. */
import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { type ImageCollection, openPiece, type SourceItem, type SourcePiece } from "../../data/index.js";
import {
  formatError,
  makeFolder,
  parseJson,
  readWhole,
  syncFolder,
  writeJsonFile,
} from "../../files/index.js";
import { type EncodedBatch, type Tokenizer, writeCodes } from "../../tokenizer/index.js";
import { attemptName, type PieceResult } from "../task.js";
import type { EncodePlan } from "./plan.js";

const FORMAT = { format: "vqkit-piece", formatVersion: 1 } as const;
const FILE = "piece.json";
const CODES = "codes";
const MAX_BYTES = 2 ** 28;

const count = z.int().min(0);

const recordSchema = z.object({
  format: z.literal(FORMAT.format),
  formatVersion: z.literal(FORMAT.formatVersion),
  piece: count,
  /** Of every item in order, broken ones too. */
  names: z.array(z.string()),
  /** Items done, and broken ones among them, at the end of each batch, and its entries. */
  batches: z.array(z.tuple([count, count, count])),
  broken: z.array(z.object({ file: z.string(), reason: z.string() })),
  notes: z.array(z.object({ file: z.string(), note: z.string() })),
  leftOut: z.array(
    z.object({
      file: z.string(),
      what: z.string(),
      count,
      endings: z.record(z.string(), count).exactOptional(),
    }),
  ),
});

/** What a worker says of a piece. */
export type PieceRecord = z.output<typeof recordSchema>;

export interface PieceWork {
  readonly piece: number;
  readonly source: SourcePiece;
  readonly plan: EncodePlan;
  /** The task's folder. */
  readonly dir: string;
  readonly signal: AbortSignal;
  /** Told the items done so far. */
  readonly onProgress?: (items: number) => void;
}

/**
 * Encodes a piece into a new folder, which nobody looks at before the piece has been completed with what this returns.
 *
 * @throws as `Tokenizer.encodeAll`; the reason of `signal`; what was written is gone then
 */
export async function encodePiece(tokenizer: Tokenizer, work: PieceWork): Promise<PieceResult> {
  const { piece, dir } = work;
  const name = attemptName(piece);
  const folder = path.join(dir, name);
  try {
    await makeFolder(folder);
    const record = await encodeInto(tokenizer, folder, work);
    const file = path.join(folder, FILE);
    await writeJsonFile(file, { ...FORMAT, ...record });
    await syncFolder(dir);
    const digest = createHash("sha256")
      .update(await readFile(file))
      .digest("hex");
    return { folder: name, digest, items: record.names.length };
  } catch (error) {
    await removePiece(folder);
    throw error;
  }
}

/** Removes what a worker wrote; what cannot be removed now goes with the task's folder. */
export async function removePiece(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true }).catch(() => {});
}

async function encodeInto(
  tokenizer: Tokenizer,
  folder: string,
  { piece, source, plan, signal, onProgress }: PieceWork,
): Promise<Omit<PieceRecord, keyof typeof FORMAT>> {
  const { options, column, imageKey } = plan;
  const found: Pick<PieceRecord, "names" | "batches" | "broken" | "notes" | "leftOut"> = {
    names: [],
    batches: [],
    broken: [],
    notes: [],
    leftOut: [],
  };
  const collection = openPiece(source, {
    ...(column === undefined ? {} : { column }),
    ...(imageKey === undefined ? {} : { imageKey }),
    onLeftOut: (leftOut) => void found.leftOut.push(leftOut),
  });
  const codes = tokenizer.encodeAll(recorded(collection, found.names), {
    ...options,
    signal,
    mayBeEmpty: true,
    onBroken: ({ file, reason }) => void found.broken.push({ file, reason }),
    onNote: (note) => void found.notes.push(note),
  });
  const batches = noted(codes, ({ itemsDone, itemsBroken, shape: [entries] }) => {
    found.batches.push([itemsDone, itemsBroken, entries]);
    onProgress?.(itemsDone);
  });
  const first = await batches.next();
  if (first.done !== true) {
    const settings = options.views === undefined ? {} : { views: options.views };
    await writeCodes(path.join(folder, CODES), preceded(first.value, batches), {
      format: "packed",
      settings,
    });
  }
  return { piece, ...found };
}

/** Items as they are drawn, in order. That nothing can be sampled keeps the whole source's size check the only one. */
async function* recorded(
  items: ImageCollection,
  names: string[],
): AsyncGenerator<SourceItem, void, undefined> {
  for await (const item of items) {
    names.push(item.name);
    yield item;
  }
}

async function* noted(
  batches: AsyncIterable<EncodedBatch>,
  note: (batch: EncodedBatch) => void,
): AsyncGenerator<EncodedBatch, void, undefined> {
  for await (const batch of batches) {
    note(batch);
    yield batch;
  }
}

async function* preceded<T>(first: T, rest: AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  yield first;
  yield* rest;
}

/**
 * What a worker said of a piece that was completed.
 *
 * @throws VqkitError("format") for a record that is not the one that was completed; VqkitError("file")
 */
export async function readPiece(
  dir: string,
  { folder, digest }: PieceResult,
): Promise<{ readonly record: PieceRecord; readonly codes: string }> {
  const file = path.join(dir, folder, FILE);
  const bytes = await readWhole(file, MAX_BYTES);
  if (createHash("sha256").update(bytes).digest("hex") !== digest) {
    throw formatError(file, "expected what the worker wrote, got other bytes.");
  }
  try {
    const record = parseConfig(recordSchema, parseJson(bytes, file), "");
    return { record, codes: path.join(dir, folder, CODES) };
  } catch (error) {
    throw error instanceof VqkitError ? formatError(file, error.message) : error;
  }
}
