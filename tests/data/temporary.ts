import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll } from "vitest";
import { Random } from "../../src/core/random.js";

/** A new folder that is removed when the test file is done; its path is absolute with "/" between folders. */
export async function temporaryFolder(): Promise<string> {
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "vqkit-data-")));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder.replaceAll(path.sep, "/");
}

/** Noise as a sharp pipeline, with its bytes; every seed gives another image. */
export function noise(
  seed: number,
  size: { height: number; width: number; channels?: 1 | 2 | 3 | 4 },
): { pixels: Uint8Array; image: Sharp } {
  const { height, width, channels = 3 } = size;
  const random = new Random(seed, "test image");
  const pixels = Uint8Array.from({ length: height * width * channels }, () => random.integer(256));
  return { pixels, image: sharp(pixels, { raw: { height, width, channels } }) };
}
