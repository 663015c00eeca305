import { OutputFolder, UnfitNameError } from "../files/index.js";
import type { DecodedImage } from "./decoded-image.js";

export interface WriteImagesOptions {
  /** Let new images replace files of the same name; others stay. Default false. */
  readonly overwrite?: boolean;
}

/** An image that could not be written under its name. */
export interface UnwrittenImage {
  /** The file that it was to be, from the folder. */
  readonly file: string;
  readonly reason: string;
}

/** What `writeImages` wrote. */
export interface WrittenImages {
  readonly images: number;
  /**
   * Images that are not there: their names are too long or of wrong characters for the file system, lead out of the
   * folder, or are taken by something that may not be replaced. The others are there.
   */
  readonly unwritten: readonly UnwrittenImage[];
}

/**
 * Writes images as PNG under their own names, `a/cat.jpg` as `a/cat.png`; where that is taken (by `a/cat.webp`, say) as
 * `a/cat-2.png`. A new folder is marked, so that nobody takes them for images to train on. Nothing is in place before the
 * last of them has come:
 * `await writeImages("decoded", tokenizer.decodeImages(readCodes("codes")))`.
 *
 * @throws ConfigError at `out` for a folder that holds anything unless `overwrite` is on; VqkitError("locked") when
 * another process writes there; VqkitError("file"); what `images` throws
 */
export async function writeImages(
  dir: string,
  images: AsyncIterable<DecodedImage> | Iterable<DecodedImage>,
  options: WriteImagesOptions = {},
): Promise<WrittenImages> {
  const folder = await OutputFolder.open(dir, options);
  try {
    await folder.markPictures();
    const names = new FileNames();
    const unwritten: UnwrittenImage[] = [];
    const skip = ({ file, reason }: UnfitNameError): void => void unwritten.push({ file, reason });
    let written = 0;
    for await (const image of images) {
      const file = names.next(image.name);
      const png = await image.toSharp().png().toBuffer();
      try {
        await folder.write(file, png);
        written++;
      } catch (error) {
        if (!(error instanceof UnfitNameError)) throw error;
        skip(error);
      }
    }
    await folder.commit({
      onUnfit: (error) => {
        skip(error);
        written--;
      },
    });
    return { images: written, unwritten };
  } finally {
    await folder.close();
  }
}

/** `a/b` → `a`, `a` → nothing. */
function parentOf(name: string): string {
  return name.slice(0, Math.max(0, name.lastIndexOf("/")));
}

/** `cat.jpg` → `cat.png`; when that is taken by another image or a folder of images, `cat-2.png`. */
class FileNames {
  /** Of files and of the folders that they are in. Some file systems do not tell upper from lower case. */
  readonly #taken = new Set<string>();

  next(name: string): string {
    const stem = name.replace(/\.[^./\\]+$/, "");
    let file = `${stem}.png`;
    for (let i = 2; this.#taken.has(file.toLowerCase()); i++) file = `${stem}-${i}.png`;
    for (let path = file.toLowerCase(); path !== "" && !this.#taken.has(path); path = parentOf(path)) {
      this.#taken.add(path);
    }
    return file;
  }
}
