import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { imageParquet, writeTar } from "../data/sources/shards.js";
import { noise, temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers } from "../tokenizer/model.js";

/** A shared folder with a model and images of every kind: files of two sizes, a shard, a table, and what is broken among them. */
export async function mixedSource(): Promise<{
  readonly root: string;
  readonly model: string;
  readonly images: string;
}> {
  await useEngine();
  const root = await temporaryFolder();
  const images = path.join(root, "images");
  await mkdir(images);
  const model = await modelFile(root, quantizers.vq);
  const png = (seed: number, height = 16, width = 24): Promise<Buffer> =>
    noise(seed, { height, width }).image.png().toBuffer();
  for (const seed of [0, 1, 2, 3, 4, 5, 6]) {
    const height = seed === 3 ? 32 : 16;
    await writeFile(path.join(images, `a${seed}.png`), await png(seed, height));
  }
  await writeFile(path.join(images, "a1-broken.png"), "no image");
  await writeFile(path.join(images, "a6-broken.png"), "nor this");
  await writeTar(path.join(images, "b.tar"), [
    ["0.png", await png(10)],
    ["1.png", "broken"],
    ["2.png", await png(12)],
  ]);
  const rows = await Promise.all([20, 21, 22, 23, 24].map((seed) => png(seed)));
  await writeFile(
    path.join(images, "c.parquet"),
    imageParquet([rows[0] as Buffer, null, ...rows.slice(1)], { rowGroupSize: 2 }),
  );
  await writeTar(path.join(images, "d.tar"), [["0.png", "all of it is broken"]]);
  return { root, model, images };
}
