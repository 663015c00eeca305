/** File name endings that count as images, without the dot; upper or lower case. */
export const IMAGE_EXTENSIONS = ["jpg", "jpeg", "png", "webp", "avif", "tif", "tiff", "gif"] as const;

/**
 * What the content of an image file may be, in sharp's words ("heif" is the container of AVIF). The content decides,
 * not the file's name: a PNG called `a.jpg` is read as a PNG. SVG and PDF are drawings without a size of their own.
 */
export const IMAGE_FORMATS: ReadonlySet<string> = new Set(["jpeg", "png", "webp", "heif", "tiff", "gif"]);

/** `jpg, jpeg, …` for messages. */
export const EXTENSION_LIST = IMAGE_EXTENSIONS.join(", ");

const ENDING = new RegExp(`\\.(?:${IMAGE_EXTENSIONS.join("|")})$`, "i");

/** Whether a file of this name is taken for an image. */
export function hasImageExtension(file: string): boolean {
  return ENDING.test(file);
}
