import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { ConfigError } from "../core/errors.js";
import { DEFAULT_MAX_PIXELS, type Size } from "../data/index.js";

/** How images become pixels of the size that a model takes. */
export interface EncodeOptions {
  /**
   * The size that every image gets, in pixels, as one number or [height, width], multiples of the downsampling factor:
   * it is scaled to cover that size and cut in the middle. Default null: images keep their own size, and their last row
   * and column are repeated up to the next multiple; `decode` cuts that off again.
   */
  readonly size?: number | readonly [height: number, width: number] | null;
  /** Images in one pass through the model at most, >= 1; large images go in smaller groups. Default 16. */
  readonly batchSize?: number;
  /** Images of more pixels than this are refused; default 64 million. */
  readonly maxPixels?: number;
}

/** `EncodeOptions`, checked and complete. */
export interface EncodeSettings {
  readonly size: Size | null;
  readonly batchSize: number;
  readonly maxPixels: number;
}

const side = z.int().min(1);

const schema = z.strictObject({
  size: z
    .union([side, z.tuple([side, side])], { error: "expected an integer >= 1 or [height, width]" })
    .transform((size): Size => {
      const [height, width] = typeof size === "number" ? [size, size] : size;
      return { height, width };
    })
    .nullable()
    .default(null),
  batchSize: z.int().min(1).default(16),
  maxPixels: z.int().min(1).default(DEFAULT_MAX_PIXELS),
});

/**
 * Checks what a caller gave and fills the defaults in.
 *
 * @param factor the model's downsampling factor
 * @throws ConfigError that names the option
 */
export function parseEncodeOptions(options: EncodeOptions, factor: number): EncodeSettings {
  const settings = parseConfig(schema, options, "");
  for (const value of settings.size === null ? [] : [settings.size.height, settings.size.width]) {
    if (value % factor === 0) continue;
    const below = Math.floor(value / factor) * factor;
    const nearest = below > 0 ? `${below} or ${below + factor}` : String(factor);
    throw new ConfigError(
      "size",
      `expected a multiple of the model's downsampling factor ${factor} (nearest: ${nearest}), got ${value}.`,
    );
  }
  return settings;
}
