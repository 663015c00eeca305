/** The same images in files of their own, in tar shards and in Parquet files: the same run, byte for byte. */
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, it } from "vitest";
import { imageParquet, tarBytes } from "../data/sources/shards.js";
import { useEngine } from "../engine.js";
import { outcome } from "./resumed-runs.js";
import { temporaryFolder, timeless, tinyFolders, tinyRun, train } from "./tiny-runs.js";

const { images, runs } = await tinyFolders();
const [shards, tables] = [await temporaryFolder(), await temporaryFolder()];

beforeAll(async () => {
  await useEngine();
  const names = (await readdir(images)).sort();
  const files = await Promise.all(names.map((name) => readFile(path.join(images, name))));
  const entries = files.map((bytes, i) => [`sample${i}.png`, bytes] as const);
  await writeFile(path.join(shards, "0.tar"), await tarBytes(entries.slice(0, 3)));
  await writeFile(path.join(shards, "1.tar"), await tarBytes(entries.slice(3)));
  await writeFile(path.join(tables, "0.parquet"), imageParquet(files.slice(0, 5), { rowGroupSize: 2 }));
  await writeFile(path.join(tables, "1.parquet"), imageParquet(files.slice(5)));
});

const options = (folder: string, name: string, data: object = {}) => {
  const run = tinyRun(folder, { steps: 4, checkpointEvery: 2, out: path.join(runs, name) });
  return { ...run, data: { ...(run.data as object), ...data, images: folder } };
};

it("trains from shards and from tables to the bytes of the folder", async () => {
  await train(options(images, "files"));
  const [expected, metrics] = [
    await outcome(path.join(runs, "files")),
    await timeless(path.join(runs, "files")),
  ];
  for (const [name, folder] of [
    ["shards", shards],
    ["tables", tables],
  ] as const) {
    await train(options(folder, name));
    expect(await outcome(path.join(runs, name))).toEqual(expected);
    expect(await timeless(path.join(runs, name))).toBe(metrics);
  }
});
