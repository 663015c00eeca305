import { readFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { parquetMetadata } from "hyparquet";
import { describe, expect, it } from "vitest";
import { codeFormats, openCodeWriter, writeCodes } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { expectReadOrRefused, expectRoundTrips } from "./format-checks.js";
import { batchesOf, contents, expectSameBytes, kill } from "./kills.js";

describe.each(codeFormats)("format %s", (format) => {
  it("gives back what was written, in order and one by one", () => expectRoundTrips(format, 40));

  it("is read, or refused with a plain error, whatever bytes are wrong", () =>
    expectReadOrRefused(format, 60));

  it("ends with the same bytes wherever its writer was killed", () => expectSameBytes(format, 15));
});

it("ends row groups of Parquet at the same image, whatever the size of batches before and after a kill", async () => {
  const folder = await temporaryFolder();
  const whole = join(folder, "whole");
  await writeCodes(whole, batchesOf(2700), { format: "parquet" });
  const metadata = parquetMetadata(Uint8Array.from(await readFile(join(whole, "codes.parquet"))).buffer);
  expect(metadata.row_groups.map((group) => group.num_rows)).toEqual([1000n, 1000n, 700n]);
  const sizes = fc.integer({ min: 1, max: 900 });
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(sizes, fc.nat(2699)), { maxLength: 3 }),
      sizes,
      async (kills, last) => {
        const name = join(folder, String(run++));
        let dir = `${name}-0`;
        for (const [i, [size, moment]] of kills.entries()) {
          const writer = await openCodeWriter(dir, { format: "parquet", resume: true, saveEvery: 0 });
          const start = writer.resumedAt?.itemsDone ?? 0;
          for (const batch of batchesOf(size, start)) {
            if (batch.itemsDone > moment) break;
            await writer.write(batch);
          }
          const next = `${name}-${i + 1}`;
          await kill(dir, next);
          dir = next;
        }
        const writer = await openCodeWriter(dir, { format: "parquet", resume: true });
        for (const batch of batchesOf(last, writer.resumedAt?.itemsDone ?? 0)) await writer.write(batch);
        await writer.finish();
        expect(await contents(dir)).toEqual(await contents(whole));
      },
    ),
    { numRuns: 12, seed: 5 },
  );
});
