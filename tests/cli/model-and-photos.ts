import { mkdir } from "node:fs/promises";
import path from "node:path";
import { temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers } from "../tokenizer/model.js";
import { writeImages } from "./harness.js";

/** What a file of tests of commands begins with: a small model with an engine, and `count` images of 24×40. */
export async function modelAndPhotos(
  kind: "fsq" | "vq",
  count: number,
): Promise<{
  /** The folder of both, removed when the test file is done. */
  readonly shared: string;
  readonly photos: string;
  readonly model: string;
}> {
  const shared = await temporaryFolder();
  const photos = path.join(shared, "photos");
  await useEngine();
  const model = await modelFile(shared, quantizers[kind]);
  await mkdir(photos);
  await writeImages(photos, count);
  return { shared, photos, model };
}
