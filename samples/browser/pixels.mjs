/** Pictures between files, canvases and the bytes [height, width, 3] that the model takes. */

/**
 * Decodes an image file as vqkit does: upright, in sRGB, transparency over white.
 *
 * @param {number} longestSide it is scaled down to this; 0 keeps its size
 */
export async function readImage(file, longestSide) {
  const bitmap = await createImageBitmap(file);
  const scale = longestSide === 0 ? 1 : Math.min(1, longestSide / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(scale * side)));
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#ffffff";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  const { data } = context.getImageData(0, 0, width, height);
  const from = { width: bitmap.width, height: bitmap.height };
  bitmap.close();
  const pixels = new Uint8Array(3 * width * height);
  for (let i = 0; i < width * height; i++) for (let c = 0; c < 3; c++) pixels[3 * i + c] = data[4 * i + c];
  return { pixels, width, height, from };
}

/** Draws bytes [height, width, 3]; the canvas gets their size. */
export function drawPixels(canvas, { pixels, width, height }) {
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[3 * i + c];
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

/** The top left part of an image: what is left without the rows and columns that filled its grid. */
export function cut(image, { width, height }) {
  if (image.width === width && image.height === height) return image;
  const pixels = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    pixels.set(image.pixels.subarray(3 * y * image.width, 3 * (y * image.width + width)), 3 * y * width);
  }
  return { pixels, width, height };
}

/** How many pixels of two images of one size differ. */
export function countDifferent(a, b) {
  let count = 0;
  for (let i = 0; i < a.pixels.length; i += 3) {
    if (
      a.pixels[i] !== b.pixels[i] ||
      a.pixels[i + 1] !== b.pixels[i + 1] ||
      a.pixels[i + 2] !== b.pixels[i + 2]
    )
      count++;
  }
  return count;
}

/**
 * What an image lost, in grey: how far each pixel is off, mean of its three values, `gain` times as strong. `mean` is that
 * of all values, in levels of 255.
 */
export function difference(a, b, gain) {
  const pixels = new Uint8Array(a.pixels.length);
  let sum = 0;
  for (let i = 0; i < pixels.length; i += 3) {
    let off = 0;
    for (let c = i; c < i + 3; c++) off += Math.abs(a.pixels[c] - b.pixels[c]);
    sum += off;
    pixels.fill(Math.min(255, Math.round((gain * off) / 3)), i, i + 3);
  }
  return { image: { ...a, pixels }, mean: sum / pixels.length };
}

/** PSNR in dB of two images of one size; Infinity when they are equal. */
export function psnr(a, b) {
  let sum = 0;
  for (let i = 0; i < a.pixels.length; i++) sum += (a.pixels[i] - b.pixels[i]) ** 2;
  return 10 * Math.log10((255 ** 2 * a.pixels.length) / sum);
}

/** A colour for a number: neighbours in number far apart in hue. */
export function colourOf(index) {
  const hue = (index * 0.618033988749895) % 1;
  const lightness = 0.38 + 0.34 * ((index * 0.7548776662466927) % 1);
  const channel = (shift) => {
    const distance = Math.abs(((hue + shift) % 1) * 6 - 3) - 1;
    const full = Math.min(1, Math.max(0, distance));
    return Math.round(255 * (lightness + 0.55 * (full - 0.5) * (1 - Math.abs(2 * lightness - 1))));
  };
  return [channel(0), channel(2 / 3), channel(1 / 3)];
}
