import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { ConfigError } from "../core/errors.js";
import { DEFAULT_MAX_PIXELS, type Size } from "../data/index.js";

/**
 * How an image of any size becomes pixels that the model takes:
 *
 * - `native`: its own size; the last row and column are repeated up to the next multiple of the downsampling factor,
 *   and `decode` cuts that off again.
 * - `resize`: scaled to exactly `size`, whatever its aspect ratio.
 * - `crop`: scaled to cover `size` and cut in the middle.
 * - `pad`: scaled to fit inside `size`; the last row and column are repeated to fill it, and `decode` cuts that off.
 * - `tile`: its own size, in overlapping tiles of `size`; `decode` blends them where they overlap.
 */
export type SizePolicy = "native" | "resize" | "crop" | "pad" | "tile";

/**
 * Which views of an image are encoded, one behind the other:
 *
 * - `one`: the image.
 * - `flip`: the image, then its mirror image.
 * - `ten-crop`: the crops at its four corners (top left, top right, bottom left, bottom right) and in its middle, then
 *   those of its mirror image. With the policy `crop`, of an image scaled and cut to `cropRange` times `size`.
 *
 * Both are in the order of LlamaGen (FoundationVision/LlamaGen, extract_codes_c2i.py) and torchvision's TenCrop.
 */
export const imageViews = ["one", "flip", "ten-crop"] as const;
export type ImageViews = (typeof imageViews)[number];

/** How images become pixels of the size that a model takes. */
export interface EncodeOptions {
  /** Default `crop` where there is a `size`, else `native`. */
  readonly policy?: SizePolicy;
  /**
   * The size that every image (or tile) gets, in pixels, as one number or [height, width], multiples of the
   * downsampling factor. Every policy but `native` needs one. Default null: images keep their own size.
   */
  readonly size?: number | readonly [height: number, width: number] | null;
  /**
   * For `tile`: pixels that neighbouring tiles share at least, a multiple of the downsampling factor and at most half a
   * tile; 0 leaves seams. Default: a quarter of the tile's shorter side, rounded down.
   */
  readonly overlap?: number;
  /** Default `one`. Tiles have no other. */
  readonly views?: ImageViews;
  /** For `ten-crop`: how many times as long as `size` the sides are that crops are cut from, 1..4; default 1.1. */
  readonly cropRange?: number;
  /** Images in one pass through the model at most, >= 1; large images go in smaller groups. Default 16. */
  readonly batchSize?: number;
  /** Images of more pixels than this are refused; default 64 million. */
  readonly maxPixels?: number;
  /**
   * Whether `size` may enlarge the images more than twice, and a pass may take more memory than the machine has; default
   * false.
   */
  readonly allowOversize?: boolean;
}

/** `EncodeOptions`, checked and complete. */
export type EncodeSettings = PixelSize & {
  readonly views: ImageViews;
  /** 1 where `views` is not `ten-crop`. */
  readonly cropRange: number;
  readonly batchSize: number;
  readonly maxPixels: number;
  readonly allowOversize: boolean;
};

/** What is to become of an image's size. */
export type PixelSize =
  | { readonly policy: "native" }
  | { readonly policy: "resize" | "crop" | "pad"; readonly size: Size }
  | { readonly policy: "tile"; readonly size: Size; readonly overlap: number };

/** As LlamaGen's first set of codes has it. */
const TEN_CROP_RANGE = 1.1;

const side = z.int().min(1);

const schema = z.strictObject({
  policy: z.enum(["native", "resize", "crop", "pad", "tile"]).optional(),
  size: z
    .union([side, z.tuple([side, side])], { error: "expected an integer >= 1 or [height, width]" })
    .transform((size): Size => {
      const [height, width] = typeof size === "number" ? [size, size] : size;
      return { height, width };
    })
    .nullable()
    .default(null),
  overlap: z.int().min(0).optional(),
  views: z.enum(imageViews).default("one"),
  cropRange: z.number().min(1).max(4).optional(),
  batchSize: z.int().min(1).default(16),
  maxPixels: z.int().min(1).default(DEFAULT_MAX_PIXELS),
  allowOversize: z.boolean().default(false),
});

/**
 * Checks what a caller gave and fills the defaults in.
 *
 * @param factor the model's downsampling factor
 * @throws ConfigError that names the option
 */
export function parseEncodeOptions(options: EncodeOptions, factor: number): EncodeSettings {
  const { batchSize, maxPixels, allowOversize, views, cropRange, ...wish } = parseConfig(schema, options, "");
  const size = pixelSize(wish, factor);
  checkViews(views, size.policy);
  if (cropRange !== undefined && views !== "ten-crop") {
    throw new ConfigError("cropRange", `expected none with the views "${views}". Only "ten-crop" has one.`);
  }
  const range = views === "ten-crop" ? (cropRange ?? TEN_CROP_RANGE) : 1;
  return { ...size, views, cropRange: range, batchSize, maxPixels, allowOversize };
}

function checkViews(views: ImageViews, policy: SizePolicy): void {
  if (views === "ten-crop" && policy !== "crop") {
    throw new ConfigError("views", `expected the policy "crop" and a size for "ten-crop", got "${policy}".`);
  }
  if (views === "one" || policy !== "tile") return;
  throw new ConfigError("views", `expected "one" with the policy "tile", got "${views}".`);
}

interface Wish {
  readonly policy?: SizePolicy | undefined;
  readonly size: Size | null;
  readonly overlap?: number | undefined;
}

function pixelSize({ policy: given, size, overlap }: Wish, factor: number): PixelSize {
  const policy = given ?? (size === null ? "native" : "crop");
  if (overlap !== undefined && policy !== "tile") {
    throw new ConfigError(
      "overlap",
      `expected none with the policy "${policy}", got ${overlap}. Only "tile" has one.`,
    );
  }
  if (policy === "native") {
    if (size === null) return { policy };
    throw new ConfigError("size", 'expected none with the policy "native", got one. Choose another policy.');
  }
  if (size === null) throw new ConfigError("size", `expected a size for the policy "${policy}", got none.`);
  for (const value of [size.height, size.width]) checkMultiple("size", value, factor);
  if (policy !== "tile") return { policy, size };
  return { policy, size, overlap: overlapOf(size, overlap, factor) };
}

function overlapOf({ height, width }: Size, wish: number | undefined, factor: number): number {
  const shorter = Math.min(height, width);
  const overlap = wish ?? Math.floor(shorter / 4 / factor) * factor;
  if (overlap > shorter / 2) {
    throw new ConfigError("overlap", `expected at most half a tile, ${shorter / 2}, got ${overlap}.`);
  }
  if (overlap > 0) checkMultiple("overlap", overlap, factor);
  return overlap;
}

function checkMultiple(field: string, value: number, factor: number): void {
  if (value % factor === 0) return;
  const below = Math.floor(value / factor) * factor;
  const nearest = below > 0 ? `${below} or ${below + factor}` : String(factor);
  throw new ConfigError(
    field,
    `expected a multiple of the model's downsampling factor ${factor} (nearest: ${nearest}), got ${value}.`,
  );
}
