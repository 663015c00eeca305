// Makes the JPEG files of the benchmark encode-folder, once, and prints the path of their folder: `node jpeg-folder.mjs`.
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { Random } from "../../dist/src/core/random.js";

const photos = fileURLToPath(new URL("../../samples/photos/", import.meta.url));
const count = 96;
/** Sides of the files, in pixels: on both sides of the 256 that they are scaled to. */
const [shortest, longest] = [208, 400];

/** A folder with `count` crops of the sample photographs, of many sizes, the same on every machine. */
export async function jpegFolder() {
  const folder = join(tmpdir(), `vqkit-bench-jpeg-${count}-${shortest}-${longest}`);
  if (existsSync(folder)) return folder;
  const making = await mkdtemp(join(tmpdir(), "vqkit-bench-"));
  const names = (await readdir(photos)).filter((name) => name.endsWith(".jpg")).sort();
  for (let i = 0; i < count; i++) {
    const file = join(making, `${String(i).padStart(3, "0")}.jpg`);
    await crop(join(photos, names[i % names.length]), new Random(0, "bench", "jpeg", i)).toFile(file);
  }
  // Another process may have been faster.
  await rename(making, folder).catch(() => rm(making, { recursive: true }));
  return folder;
}

function crop(photo, random) {
  const width = shortest + random.integer(longest - shortest + 1);
  const height = shortest + random.integer(longest - shortest + 1);
  // Twice the size and then half of it, so that a file shows something and is not blurred.
  return sharp(photo)
    .resize(2 * width, 2 * height, { fit: "cover" })
    .extract({ left: random.integer(width), top: random.integer(height), width, height })
    .jpeg({ quality: 90 });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(await jpegFolder());
