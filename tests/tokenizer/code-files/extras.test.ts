import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parquetMetadataAsync, parquetReadObjects } from "hyparquet";
import { describe, expect, it } from "vitest";
import {
  type Codes,
  codeFormats,
  type EncodedBatch,
  openCodes,
  openCodeWriter,
  writeCodes,
} from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";
import { contents, kill } from "./kills.js";
import { collect, encoded, one, oneByOne, smallBatches } from "./samples.js";

const classes = ["ape", "bat", "cat"];
/** A tile among them, labels without views and views without labels. */
const batches: Codes[] = smallBatches.map((codes, batch) => ({
  ...codes,
  images: codes.images.map((image, i) => ({
    ...{ name: image.name, width: image.width, height: image.height },
    ...(batch === 0 ? { label: 2 - i } : {}),
    ...(i === 0 ? { view: 3 + batch } : {}),
    ...(image.tile === undefined ? {} : { tile: image.tile }),
  })),
}));
const options = { classes, settings: { views: "ten-crop" } };

describe.each(codeFormats)("format %s", (format) => {
  it("gives back labels and views, and their classes, and resumes to the same bytes", async () => {
    const folder = await temporaryFolder();
    const [dir, parted, left] = ["whole", "parted", "left"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const manifest = await writeCodes(dir, batches, { ...options, format });
    expect(manifest.settings).toMatchObject({ classes, views: "ten-crop" });
    expect(await collect(dir)).toEqual(batches);
    const reader = await openCodes(dir);
    const entries = oneByOne(batches);
    for (const i of [2, 1, 0]) expect(await reader.readEntry(i)).toEqual(entries[i]);
    const writer = await openCodeWriter(parted, { ...options, format, saveEvery: 0 });
    const [first, second] = encoded(batches) as [EncodedBatch, EncodedBatch];
    await writer.write(first);
    await kill(parted, left);
    const again = await openCodeWriter(left, { ...options, format, resume: true });
    if (again.resumedAt === undefined) await again.write(first); // a row group of Parquet is longer
    await again.write(second);
    await again.finish();
    expect(await contents(left)).toEqual(await contents(dir));
    await expect(
      openCodeWriter(left, { ...options, classes: ["ape", "cat"], format, resume: true }),
    ).rejects.toThrow(/expected classes \["ape","bat","cat"\] as in the finished codes, got \["ape","cat"\]/);
  });

  it("refuses a label without its class, and a view without what it is of", async () => {
    const dir = join(await temporaryFolder(), "codes");
    const labelled = (image: object): Codes => ({
      ...one,
      images: [{ name: "a", width: 12, height: 8, ...image }],
    });
    await expect(writeCodes(dir, [labelled({ label: 3 })], { format, classes })).rejects.toMatchObject({
      code: "codes",
      message:
        'image "a", label 3: expected a class of the list that the codes are written with (option classes), got none there.',
    });
    await expect(writeCodes(dir, [labelled({ label: 0 })], { format })).rejects.toThrow(/label 0: expected/);
    await expect(writeCodes(dir, [labelled({ view: 0 })], { format })).rejects.toThrow(
      /view 0: expected settings/,
    );
    await expect(writeCodes(dir, [labelled({ label: -1 })], { format, classes })).rejects.toThrow(
      "codes.images[0].label: expected an integer >= 0, got -1.",
    );
  });
});

it("a packed file says by its version that it has them", async () => {
  const folder = await temporaryFolder();
  const versionOf = async (name: string): Promise<number> =>
    (await readFile(join(folder, name, "codes.vqc"))).readUInt32LE(8);
  await writeCodes(join(folder, "plain"), smallBatches, { format: "packed" });
  await writeCodes(join(folder, "labelled"), batches, { ...options, format: "packed" });
  expect([await versionOf("plain"), await versionOf("labelled")]).toEqual([1, 2]);
});

it("a table has a column of each, and no more than it needs", async () => {
  const folder = await temporaryFolder();
  const read = async (name: string) => {
    const { buffer } = Uint8Array.from(await readFile(join(folder, name, "codes.parquet")));
    const { schema } = await parquetMetadataAsync(buffer);
    const rows = await parquetReadObjects({ file: buffer });
    return { columns: schema.map((column) => column.name), rows };
  };
  await writeCodes(join(folder, "plain"), smallBatches, { format: "parquet" });
  await writeCodes(join(folder, "labelled"), batches, { ...options, format: "parquet" });
  const [plain, labelled] = [await read("plain"), await read("labelled")];
  expect(labelled.columns).toEqual([...plain.columns, "label", "view"]);
  expect(labelled.rows.map(({ label, view }) => [label, view])).toEqual([
    [2, 3],
    [1, null],
    [null, 4],
  ]);
});
