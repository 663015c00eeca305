/** What holds of every format of codes, for any codes and any damage: in short by `npm test`, at length by the long tests. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { expect } from "vitest";
import { VqkitError } from "../../../src/core/errors.js";
import { Random } from "../../../src/core/random.js";
import { type CodeFormat, openCodes, writeCodes } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { anyBatches } from "./arbitrary.js";
import { collect, faultOf, oneByOne, smallBatches, written } from "./samples.js";

/** That a format gives back what was written, in order and one by one. */
export async function expectRoundTrips(format: CodeFormat, numRuns: number): Promise<void> {
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
    { numRuns, seed: 7 },
  );
}

/** That a folder is read, or refused with a plain error, whatever bytes are wrong. @param times each file is damaged */
export async function expectReadOrRefused(format: CodeFormat, times: number): Promise<void> {
  const dir = await written(format);
  const random = new Random(5, "damage", format);
  for (const file of await readdir(dir)) {
    const path = join(dir, file);
    const bytes = await readFile(path);
    for (let run = 0; run < times; run++) {
      const damaged = Buffer.from(bytes);
      for (let i = 0; i <= run % 3; i++) damaged[random.integer(bytes.length)] = random.integer(256);
      await writeFile(path, damaged);
      const fault = await faultOf(dir);
      if (fault !== undefined) expect(fault, String(fault)).toBeInstanceOf(VqkitError);
      else for (const { indices } of await collect(dir)) expect(Math.max(...indices)).toBeLessThan(13);
    }
    await writeFile(path, bytes);
  }
  expect(await collect(dir)).toEqual(smallBatches);
}
