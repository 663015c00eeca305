/** Codes that the tests of this folder write, and what they do with the files. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Random } from "../../../src/core/random.js";
import {
  type CodeFormat,
  type Codes,
  concatCodes,
  type EncodedBatch,
  readCodeManifest,
  readCodes,
  sliceCodes,
  writeCodes,
} from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { fingerprint } from "./arbitrary.js";

interface Batch {
  seed: number;
  count?: number;
  grid?: [height: number, width: number];
  codebooks?: number;
  codebookSize?: number;
}

/** Codes of a model with a downsampling factor of 4, the last image a pixel short of its grid. */
export function codesOf({ seed, count = 2, grid = [2, 3], codebooks = 2, codebookSize = 900 }: Batch): Codes {
  const [height, width] = grid;
  const random = new Random(seed, "test codes");
  const values = Array.from({ length: count * height * width * codebooks }, () =>
    random.integer(codebookSize),
  );
  return {
    indices: codebookSize <= 65_536 ? Uint16Array.from(values) : Uint32Array.from(values),
    shape: [count, height, width, codebooks],
    codebookSize,
    images: Array.from({ length: count }, (_, i) => ({
      name: `${seed}/${i}.jpg`,
      height: height * 4,
      width: width * 4 - (i === count - 1 ? 1 : 0),
    })),
    fingerprint,
  };
}

/** The second grid comes between two of the first. */
export const twoGrids: readonly Codes[] = [
  codesOf({ seed: 1 }),
  codesOf({ seed: 2, count: 3, grid: [4, 1] }),
  codesOf({ seed: 3, count: 4 }),
];

/** Three images of two grids; 13 codes leave 3 values of 4 bits that no index may have. */
export const smallBatches: Codes[] = [
  {
    indices: Uint16Array.of(12, 0, 3, 7, 5, 11, 1, 2, 6, 12, 9, 4),
    shape: [2, 2, 3, 1],
    codebookSize: 13,
    images: [
      { name: "one.jpg", width: 12, height: 8 },
      {
        name: "two.jpg",
        width: 12,
        height: 8,
        tile: { top: 8, left: 0, imageHeight: 16, imageWidth: 12, overlap: 4 },
      },
    ],
    fingerprint,
  },
  {
    indices: Uint16Array.of(8, 10),
    shape: [1, 1, 2, 1],
    codebookSize: 13,
    images: [{ name: "three.jpg", width: 7, height: 4 }],
    fingerprint,
  },
];

/** One image. */
export const one: Codes = {
  indices: Uint16Array.of(3, 1, 4, 1, 5, 9),
  shape: [1, 2, 3, 1],
  codebookSize: 10,
  images: [{ name: "a.jpg", width: 12, height: 8 }],
  fingerprint,
};

/** As `encodeAll` yields them: every third item of the source is broken. */
export function encoded(batches: readonly Codes[]): EncodedBatch[] {
  let images = 0;
  return batches.map((codes) => {
    images += codes.images.length;
    const itemsBroken = Math.floor(images / 2);
    const itemsDone = images + itemsBroken;
    return { ...codes, itemsDone, itemsBroken, itemsDigest: String(itemsDone).padStart(64, "0") };
  });
}

/** A folder of `smallBatches`. */
export async function written(format: CodeFormat): Promise<string> {
  const dir = join(await temporaryFolder(), "codes");
  await writeCodes(dir, smallBatches, { format });
  return dir;
}

/** All that `readCodes` yields. */
export async function collect(path: string, batchSize?: number): Promise<Codes[]> {
  const read: Codes[] = [];
  for await (const codes of readCodes(path, batchSize === undefined ? {} : { batchSize })) read.push(codes);
  return read;
}

/** The error of reading, or undefined when there is none. */
export async function faultOf(path: string): Promise<unknown> {
  return collect(path).then(
    () => undefined,
    (error: unknown) => error,
  );
}

/** All images by themselves, however they were grouped. */
export function oneByOne(parts: readonly Codes[]): Codes[] {
  return parts.flatMap((codes) => codes.images.map((_, i) => concatCodes([sliceCodes(codes, i, i + 1)])));
}

/** Replaces a file and the length that the manifest states, as another program would that made the folder. */
export async function replaceFile(dir: string, file: string, content: Uint8Array): Promise<void> {
  await writeFile(join(dir, file), content);
  const path = join(dir, "manifest.json");
  const manifest = JSON.parse(await readFile(path, "utf8"));
  const files = manifest.files.map((entry: { file: string }) =>
    entry.file === file ? { file, bytes: content.length } : entry,
  );
  await writeFile(path, JSON.stringify({ ...manifest, files }));
}

export async function editFile(dir: string, file: string, change: (text: string) => string): Promise<void> {
  await replaceFile(dir, file, Buffer.from(change(await readFile(join(dir, file), "latin1")), "latin1"));
}

/** As version 0.1 wrote it: without sizes of files, so that what is wrong in them shows later. */
export async function toVersion1(dir: string): Promise<void> {
  const { fingerprint, codebookSize, numCodebooks, entries, grids } = await readCodeManifest(dir);
  const stacks = grids.map(({ gridHeight, gridWidth, entries: images }) => ({
    file: `codes-${gridHeight}x${gridWidth}.npy`,
    gridHeight,
    gridWidth,
    images,
  }));
  const version1 = {
    format: "vqkit-codes",
    formatVersion: 1,
    fingerprint,
    codebookSize,
    numCodebooks,
    images: entries,
    stacks,
  };
  await writeFile(join(dir, "manifest.json"), JSON.stringify(version1));
}
