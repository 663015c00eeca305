/** The same images in a folder, in shards, in tables and by a list: the same batches. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { parseConfig } from "../../src/core/config.js";
import {
  type DataConfigInput,
  dataConfigSchema,
  type ImageBatch,
  ImageDataset,
  type LeftOut,
} from "../../src/data/index.js";
import { imageParquet, type TarEntry, tarBytes } from "./sources/shards.js";
import { temporaryFolder } from "./temporary.js";

const root = await temporaryFolder();
const COUNT = 11;
const at = (name: string) => join(root, name);

beforeAll(async () => {
  for (const folder of ["files", "plain", "gzip", "tables", "mixed"]) await mkdir(at(folder));
  const images: [name: string, bytes: Buffer][] = [];
  for (let i = 0; i < COUNT; i++) {
    const [height, width] = [14 + i, 20 - i];
    const pixels = Uint8Array.from({ length: height * width * 3 }, (_, p) => (p * (i + 3) + i) % 251);
    const bytes = await sharp(pixels, { raw: { height, width, channels: 3 } })
      .png()
      .toBuffer();
    images.push([`${String(i).padStart(2, "0")}.png`, bytes]);
  }
  for (const [name, bytes] of images) await writeFile(at(`files/${name}`), bytes);
  // Three shards of unequal length, with labels between the images.
  for (const [s, [from, to]] of [
    [0, 4],
    [4, 5],
    [5, COUNT],
  ].entries()) {
    const entries = images.slice(from, to).flatMap(([name, bytes]): TarEntry[] => [
      [name, bytes],
      [name.replace("png", "cls"), "1"],
    ]);
    const bytes = await tarBytes(entries);
    await writeFile(at(`plain/${s}.tar`), bytes);
    await writeFile(at(`gzip/${s}.tar.gz`), gzipSync(bytes));
  }
  const bytes = images.map(([, each]) => each);
  await writeFile(at("tables/a.parquet"), imageParquet(bytes.slice(0, 6), { rowGroupSize: 4 }));
  await writeFile(at("tables/b.parquet"), imageParquet(bytes.slice(6)));
  for (const [name, each] of images.slice(0, 4)) await writeFile(at(`mixed/${name}`), each);
  await writeFile(at("mixed/04.tar"), await tarBytes(images.slice(4, 8)));
  await writeFile(at("mixed/05.parquet"), imageParquet(bytes.slice(8)));
  await writeFile(at("list.txt"), images.map(([name]) => `${at("files")}/${name}\n`).join(""));
});

interface Opened {
  readonly data: Partial<DataConfigInput>;
  readonly onLeftOut?: (leftOut: LeftOut) => void;
}

function open({ data, ...options }: Opened): Promise<ImageDataset> {
  const config = parseConfig(dataConfigSchema, { cropSize: [8, 6], heldOut: 0.3, ...data }, "data");
  return ImageDataset.open(config, 3, options);
}

async function take(
  batches: AsyncIterable<ImageBatch>,
  count = Number.POSITIVE_INFINITY,
): Promise<number[][]> {
  const taken: number[][] = [];
  for await (const { pixels } of batches) {
    taken.push([...pixels]);
    if (taken.length === count) break;
  }
  return taken;
}

/** Three epochs and more of training, and evaluation. */
async function shown(data: Partial<DataConfigInput>) {
  const dataset = await open({ data });
  const training = await take(dataset.trainBatches({ batchSize: 5 }), 6);
  return { training, evaluation: await take(dataset.evaluationBatches({ batchSize: 4 })) };
}

const sources: [string, () => Partial<DataConfigInput>][] = [
  ["tar shards", () => ({ images: at("plain") })],
  ["Parquet files", () => ({ images: at("tables") })],
  ["files, a shard and a table", () => ({ images: at("mixed") })],
  ["a list of files", () => ({ filesFrom: at("list.txt") })],
];

describe("the batches of a folder are those of", () => {
  it.each(sources)("%s", async (_, data) => {
    const expected = await shown({ images: at("files") });
    expect(expected.training).toHaveLength(6);
    expect(await shown(data())).toEqual(expected);
    expect(await shown({ ...data(), cacheMegabytes: 0, prefetch: 0 })).toEqual(expected);
  });
});

describe("a shuffle buffer", () => {
  const buffered = { shuffleBuffer: 3, heldOut: 0.3 };

  it("shows compressed shards and plain ones alike, each image once an epoch, and holds the same out", async () => {
    const [plain, compressed] = [
      await open({ data: { images: at("plain"), ...buffered } }),
      await open({ data: { images: at("gzip"), ...buffered } }),
    ];
    const n = plain.train.length;
    expect(n).toBe(COUNT - 3);
    const [a, b] = [
      await take(plain.trainBatches({ batchSize: n }), 4),
      await take(compressed.trainBatches({ batchSize: n }), 4),
    ];
    expect(b).toEqual(a);
    expect([...compressed.heldOut.indices]).toEqual([...plain.heldOut.indices]);
    const files: string[] = [];
    for await (const batch of compressed.trainBatches({ batchSize: n })) {
      files.push(batch.files.join());
      expect([...batch.files].sort()).toEqual(compressed.trainFiles);
      if (files.length === 3) break;
    }
    expect(new Set(files).size).toBe(3);
    expect(await take(compressed.evaluationBatches({ batchSize: 4 }))).toEqual(
      await take(plain.evaluationBatches({ batchSize: 4 })),
    );
  });

  it.each([
    ["files", 0],
    ["plain", 512],
    ["gzip", 0],
    ["tables", 512],
  ])("resumes %s at startStep with the batches that belong there", async (images, cacheMegabytes) => {
    const data = { images: at(images), ...buffered, cacheMegabytes };
    const whole = await take((await open({ data })).trainBatches({ batchSize: 3 }), 7);
    // In the middle of the first epoch of 8, and of the second.
    for (const startStep of [1, 4]) {
      const resumed = await take(
        (await open({ data })).trainBatches({ batchSize: 3, startStep }),
        7 - startStep,
      );
      expect(resumed).toEqual(whole.slice(startStep));
    }
  });

  it("passes over broken images as without one", async () => {
    await mkdir(at("damaged"));
    const entries = await tarBytes([
      ["0.png", "no image"],
      ...Array.from({ length: 5 }, (_, i): TarEntry => [`${i + 1}.png`, someImage(i)]),
    ]);
    await writeFile(at("damaged/a.tar.gz"), gzipSync(entries));
    const dataset = await open({ data: { images: at("damaged"), shuffleBuffer: 2, heldOut: 0 } });
    const files: string[] = [];
    for await (const batch of dataset.trainBatches({ batchSize: 6 })) {
      files.push(...batch.files);
      if (files.length === 18) break;
    }
    expect(new Set(files).size).toBe(5);
    expect(dataset.broken.map(({ file }) => file)).toEqual([at("damaged/a.tar.gz/0")]);
  });

  it("is asked for where shards are compressed, for training alone", async () => {
    const dataset = await open({ data: { images: at("gzip") } });
    expect(() => dataset.trainBatches({ batchSize: 2 })).toThrow(
      `data.shuffleBuffer: expected the number of images to draw from, got none: ${at("gzip/0.tar.gz")} is compressed`,
    );
    const plain = await open({ data: { images: at("plain") } });
    expect(await take(dataset.evaluationBatches({ batchSize: 4 }))).toEqual(
      await take(plain.evaluationBatches({ batchSize: 4 })),
    );
  });
});

/** 7 rows and 9 columns of one colour. */
function someImage(i: number): Uint8Array {
  return SOLID[i] as Uint8Array;
}
const SOLID = await Promise.all(
  [0, 1, 2, 3, 4].map((i) =>
    sharp({ create: { width: 9, height: 7, channels: 3, background: { r: 40 * i, g: 9, b: 3 } } })
      .png()
      .toBuffer(),
  ),
);

describe("a list of files", () => {
  it("is taken in its order, a name that stands in it again left out and told", async () => {
    const names = ["03.png", "00.png", "03.png", "07.png"];
    await writeFile(at("some.txt"), names.map((name) => at(`files/${name}`)).join("\0"));
    const told: LeftOut[] = [];
    const dataset = await open({
      data: { filesFrom: at("some.txt"), heldOut: 0 },
      onLeftOut: (each) => told.push(each),
    });
    expect(dataset.trainFiles).toEqual(["03.png", "00.png", "07.png"].map((name) => at(`files/${name}`)));
    expect(told).toEqual([{ file: at("some.txt"), what: "names that stand in the list again", count: 1 }]);
  });

  it.each([
    ["none.txt", undefined, /^data\.filesFrom: expected a readable file, got ENOENT for .*none\.txt\.$/],
    [
      "empty.txt",
      "\n\n",
      /^data\.filesFrom: expected names of files in .*empty\.txt, one a line, got none\.$/,
    ],
    [
      "wide.txt",
      "\xff\xfe\0\0a\0\0\0",
      /^data\.filesFrom: expected a text in UTF-8 or UTF-16, got another encoding/,
    ],
  ])("is refused: %s", async (name, text, message) => {
    if (text !== undefined) await writeFile(at(name), text, "latin1");
    await expect(open({ data: { filesFrom: at(name) } })).rejects.toThrow(message);
  });
});
