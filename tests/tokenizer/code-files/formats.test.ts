import { readdir } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  type Codes,
  codeFormats,
  concatCodes,
  openCodes,
  readCodes,
  sliceCodes,
  writeCodes,
} from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { anyBatches } from "./arbitrary.js";

/** All images by themselves, however they were grouped. */
function oneByOne(parts: readonly Codes[]): Codes[] {
  return parts.flatMap((codes) => codes.images.map((_, i) => concatCodes([sliceCodes(codes, i, i + 1)])));
}

async function collect(path: string, batchSize = 64): Promise<Codes[]> {
  const read: Codes[] = [];
  for await (const codes of readCodes(path, { batchSize })) read.push(codes);
  return read;
}

describe.each(codeFormats)("format %s", (format) => {
  it("gives back what was written, in order and one by one", async () => {
    const folder = await temporaryFolder();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(anyBatches, fc.integer({ min: 1, max: 5 }), async (batches, batchSize) => {
        const dir = join(folder, String(run++));
        const written = oneByOne(batches);
        const manifest = await writeCodes(dir, batches, { format, shardBytes: 9000 });
        expect(manifest).toMatchObject({ layout: format, entries: written.length });
        const read = await collect(dir, batchSize);
        expect(read.every(({ images }) => images.length <= batchSize)).toBe(true);
        expect(oneByOne(read)).toEqual(written);
        const reader = await openCodes(dir);
        expect(reader.manifest).toEqual(manifest);
        for (const [i, image] of written.entries()) expect(await reader.readEntry(i)).toEqual(image);
        await expect(reader.readEntry(written.length)).rejects.toThrow(RangeError);
        expect((await readdir(dir)).filter((name) => name.startsWith("."))).toEqual([]);
      }),
      { numRuns: 40, seed: 7 },
    );
  });
});
