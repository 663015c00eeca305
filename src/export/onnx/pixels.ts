import { centredBytes } from "../../autoencoder/index.js";
import type { GraphWriter } from "../../backend/index.js";
import type { ImageValue } from "../../nn/index.js";

/**
 * How a model's files take and give pixels, always in RGB order.
 *
 * uint8: bytes [batch, height, width, 3], as image decoders give them. float32: [batch, 3, height, width] in -1..1, as
 * diffusion pipelines hold them; a byte b is b/127.5 - 1 rounded once to float32.
 */
export const pixelFormats = ["uint8", "float32"] as const;
export type PixelFormat = (typeof pixelFormats)[number];

/** The grid that sides are counted in: that of the latents. */
export const LATENT_GRID = "grid";

/** The input `pixels`, its sides filled up to multiples of `factor` by repeating the last row and column. */
export function writePixelInput(g: GraphWriter, format: PixelFormat, factor: number): ImageValue {
  const isBytes = format === "uint8";
  const dims = isBytes ? ["batch", "height", "width", 3] : ["batch", 3, "height", "width"];
  const pixels = g.input("pixels", format, dims);
  return g.within("pixels", () => {
    const sides = isBytes ? g.sizes(pixels, 1, 3) : g.sizes(pixels, 2, 4);
    // The remainder has the divisor's sign: (−65) mod 4 = 3.
    const missing = g.op("Mod", [g.op("Neg", [sides]), g.int64s([factor])], { fmod: 0 });
    const before = g.int64s(isBytes ? [0, 0, 0, 0, 0] : [0, 0, 0, 0, 0, 0]);
    const pads = g.op("Concat", [before, missing, ...(isBytes ? [g.int64s([0])] : [])], { axis: 0 });
    const padded = g.op("Pad", [pixels, pads], { mode: "edge" });
    const image = { channels: 3, grid: LATENT_GRID, scale: factor } as const;
    if (!isBytes) return { ...image, name: padded, layout: "NCHW" };
    // A table in place of arithmetic, so that every byte becomes exactly the number that the model was trained with.
    const table = g.constant("byte values", centredBytes, [256]);
    const values = g.op("Gather", [table, g.cast(padded, "int32")], { axis: 0 });
    return { ...image, name: values, layout: "NHWC" };
  });
}

/** The output `pixels`: clamped; bytes are rounded half to even. */
export function writePixelOutput(g: GraphWriter, image: ImageValue, format: PixelFormat): void {
  const isBytes = format === "uint8";
  const made = g.within("pixels", () => {
    if (!isBytes) {
      const plain =
        image.layout === "NCHW" ? image.name : g.op("Transpose", [image.name], { perm: [0, 3, 1, 2] });
      return g.op("Clip", [plain, g.scalar(-1), g.scalar(1)]);
    }
    const levels = g.op("Mul", [g.op("Add", [image.name, g.scalar(1)]), g.scalar(127.5)]);
    const rounded = g.op("Round", [g.op("Clip", [levels, g.scalar(0), g.scalar(255)])]);
    const bytes = g.cast(rounded, "uint8");
    return image.layout === "NHWC" ? bytes : g.op("Transpose", [bytes], { perm: [0, 2, 3, 1] });
  });
  g.output("pixels", made, {
    type: format,
    dims: isBytes ? ["batch", "height", "width", 3] : ["batch", 3, "height", "width"],
  });
}
