/** Writers of codes that were killed, and what has to be the same afterwards. */
import { createHash } from "node:crypto";
import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect } from "vitest";
import { LOCK_NAME } from "../../../src/files/index.js";
import {
  type CodeFormat,
  type EncodedBatch,
  openCodeWriter,
  writeCodes,
} from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { anyBatches, fingerprint } from "./arbitrary.js";
import { encoded } from "./samples.js";

/** A digest of every file. */
export async function contents(dir: string): Promise<Record<string, string>> {
  const names = (await readdir(dir)).sort();
  const digest = async (name: string) =>
    createHash("sha256")
      .update(await readFile(join(dir, name)))
      .digest("hex");
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await digest(name)])));
}

/**
 * A copy as a killed process leaves the folder: nothing was closed, some bytes came after what was saved, and the lock
 * names a process that is no more.
 */
export async function kill(dir: string, to: string, { torn = true } = {}): Promise<void> {
  await mkdir(to);
  for (const name of await readdir(dir)) {
    await copyFile(join(dir, name), join(to, name));
    if (torn && name.endsWith(".partial")) await writeFile(join(to, name), "torn", { flag: "a" });
    if (name === LOCK_NAME) await writeFile(join(to, name), lockOfTheDead);
  }
}

/** This process has that number now, so another that had it has ended. */
const lockOfTheDead = JSON.stringify({ pid: process.pid, host: hostname(), started: "1" });

/** 2,700 images from number `start` on, in batches of `size`, as `encodeAll` yields them from there. */
export function batchesOf(size: number, start = 0): EncodedBatch[] {
  const batches: EncodedBatch[] = [];
  for (let from = start; from < 2700; from += size) {
    const count = Math.min(size, 2700 - from);
    const images = Array.from({ length: count }, (_, i) => ({
      name: `${from + i}.jpg`,
      width: 8,
      height: 4,
    }));
    const indices = Uint16Array.from({ length: 2 * count }, (_, i) => ((2 * from + i) * 37) % 601);
    const progress = { itemsDone: from + count, itemsBroken: 0, itemsDigest: "" };
    batches.push({ indices, shape: [count, 1, 2, 1], codebookSize: 601, images, fingerprint, ...progress });
  }
  return batches;
}

const small = { shardBytes: 9000 };

/** That a writer of any codes, killed up to three times, ends with the bytes of one that was not. */
export async function expectSameBytes(format: CodeFormat, numRuns: number): Promise<void> {
  const folder = await temporaryFolder();
  let run = 0;
  const kills = fc.array(fc.nat(), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(anyBatches, kills, async (codes, moments) => {
      const name = join(folder, String(run++));
      const batches = encoded(codes);
      await writeCodes(`${name}-whole`, codes, { format, ...small });
      let dir = `${name}-0`;
      let done = 0;
      for (const [i, moment] of moments.entries()) {
        const writer = await openCodeWriter(dir, { format, resume: true, saveEvery: 0, ...small });
        // A row group of Parquet is longer than these batches: then the run begins anew.
        const resumed = batches.findIndex((b) => b.itemsDone === writer.resumedAt?.itemsDone) + 1;
        expect(writer.resumedAt === undefined).toBe(resumed === 0);
        if (format !== "parquet") expect(resumed).toBe(done);
        done = resumed + (moment % (batches.length - resumed + 1));
        for (const batch of batches.slice(resumed, done)) await writer.write(batch);
        const next = `${name}-${i + 1}`;
        if (done > 0) await kill(dir, next);
        dir = next;
      }
      const writer = await openCodeWriter(dir, { format, resume: true, ...small });
      const resumed = batches.findIndex((b) => b.itemsDone === writer.resumedAt?.itemsDone) + 1;
      for (const batch of batches.slice(resumed)) await writer.write(batch);
      await writer.finish();
      expect(await contents(dir)).toEqual(await contents(`${name}-whole`));
    }),
    { numRuns, seed: 11 },
  );
}
