import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import type { Duplex, Writable } from "node:stream";
import { createGunzip } from "node:zlib";
import { readFully, zstandardStream } from "../../files/index.js";

interface Compression {
  readonly name: string;
  /** The first bytes in hexadecimal digits. */
  readonly begins: RegExp;
  /** Absent where it is only known by sight. */
  readonly undo?: () => Duplex;
}

/** The content decides, not the file's name. */
const COMPRESSIONS: readonly Compression[] = [
  { name: "gzip", begins: /^1f8b/, undo: createGunzip },
  // A frame, or one to skip.
  { name: "Zstandard", begins: /^(?:28b52ffd|5[0-9a-f]2a4d18)/, undo: zstandardStream },
  { name: "bzip2", begins: /^425a683[1-9]314159/ },
  { name: "xz", begins: /^fd377a585a00/ },
  { name: "LZ4", begins: /^04224d18/ },
  { name: "zip", begins: /^504b0304/ },
];
const LONGEST_BEGINNING = 7;

/** A file that flows into something, decompressed where it is compressed. */
export interface ShardStream {
  /** Bytes of the file that have been read. */
  readonly bytesRead: number;
  /** What ended the flow before the file's end. */
  readonly failure: unknown;
  destroy(): void;
}

/** Read at a time. Of what is compressed it is less, as it may become a thousand times as much. */
const PIECE_BYTES = 2 ** 16;
const COMPRESSED_PIECE_BYTES = 2 ** 14;

/**
 * Lets the content of an archive flow into `target`, piece by piece, and ends it. Where the file cannot be read on, or its
 * compression is damaged, the target gets all that stands before, whatever the pace of its reader, and `failure` says why.
 *
 * @throws Error where nothing of the file can be read, or it has a compression that is not known
 */
export async function pourShard(path: string, target: Writable): Promise<ShardStream> {
  const compression = await compressionOf(path);
  const highWaterMark = compression === undefined ? PIECE_BYTES : COMPRESSED_PIECE_BYTES;
  const input = createReadStream(path, { highWaterMark });
  const undo = compression?.();
  let failure: unknown;
  const flow = async (): Promise<void> => {
    for await (const piece of undo === undefined ? input : undone(input, undo)) {
      if (target.destroyed) return;
      if (!target.write(piece)) await readyForMore(target);
    }
  };
  flow()
    .catch((error: unknown) => {
      failure = error;
    })
    .finally(() => target.end());
  return {
    get bytesRead() {
      return input.bytesRead;
    },
    get failure() {
      return failure;
    },
    destroy() {
      input.destroy();
      undo?.destroy();
    },
  };
}

/** Whether a file is compressed, or cannot be looked at: what its images are, only reading tells. */
export async function isCompressed(path: string): Promise<boolean> {
  return compressionOf(path).then(
    (compression) => compression !== undefined,
    () => true,
  );
}

/** @returns how to undo it; undefined for none */
async function compressionOf(path: string): Promise<(() => Duplex) | undefined> {
  const file = await open(path, "r");
  try {
    const head = Buffer.alloc(LONGEST_BEGINNING);
    const length = await readFully(file, head, 0);
    const digits = head.toString("hex", 0, length);
    const compression = COMPRESSIONS.find(({ begins }) => begins.test(digits));
    if (compression === undefined || compression.undo !== undefined) return compression?.undo;
    const known = COMPRESSIONS.flatMap(({ name, undo }) => (undo === undefined ? [] : [name]));
    throw new Error(`compressed with ${compression.name}; known: ${known.join(", ")}`);
  } finally {
    await file.close();
  }
}

/** What a stream makes of pieces, one after another; all that it has made is yielded before it fails. */
async function* undone(
  input: AsyncIterable<Uint8Array>,
  stream: Duplex,
): AsyncGenerator<Uint8Array, void, undefined> {
  const made: Uint8Array[] = [];
  let failure: Error | undefined;
  stream.on("data", (piece: Uint8Array) => made.push(piece));
  stream.on("error", (error) => {
    failure = error;
  });
  const settled = (work: (done: () => void) => void): Promise<void> =>
    new Promise((resolve) => {
      stream.once("error", () => resolve());
      work(resolve);
    });
  for await (const piece of input) {
    await settled((done) => stream.write(piece, () => done()));
    yield* made.splice(0);
    if (failure !== undefined) throw failure;
  }
  // One that has seen an end, with something behind it that is none of it, has ended already.
  await settled((done) => {
    if (stream.readableEnded) done();
    stream.once("end", done);
    stream.end();
  });
  yield* made.splice(0);
  if (failure !== undefined) throw failure;
}

/** Until a stream takes more, or is destroyed. */
async function readyForMore(target: Writable): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      target.off("drain", done);
      target.off("close", done);
      resolve();
    };
    target.on("drain", done);
    target.on("close", done);
  });
}
