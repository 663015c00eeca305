import { VqkitError } from "../core/errors.js";

/**
 * What every number of a result was computed by, saved beside it. Two results may stand in one table only when their
 * cards are equal. Flat and JSON-safe.
 */
export type MetricCard = Readonly<Record<string, string | number | boolean>>;

/** The conventions of src/metrics. Change a computation there, change its line here. */
const CONVENTIONS = {
  pixels: "8-bit RGB, after clamping to 0..255 and rounding",
  mse: "all channels, in squared 8-bit steps; per image, then averaged",
  psnr: "all channels, range 255, in dB; per image, then averaged; identical images counted and left out of the mean",
  ssim: "11x11 Gaussian, sigma 1.5, K1 0.01, K2 0.03, range 255, whole windows only; per channel, per image, then averaged",
  usage: "codes seen at least once / codebook size, mean over codebooks",
  perplexity: "exp of the entropy in nats of the counts, 1..codebook size, mean over codebooks",
  bitsPerPixel: "grid positions x codebooks x entropy in bits / image pixels",
} as const satisfies MetricCard;

/**
 * The line of MS-SSIM, for cards of results that have it: images with a side under 161 pixels do not, and neither do
 * runs of versions that did not measure it.
 */
export const MS_SSIM_CONVENTION =
  "5 scales, each the mean of 2x2 pixels of the one before (an odd last row or column counts twice), weights 0.0448 0.2856 0.3001 0.2363 0.1333, luminance at the coarsest; a negative scale counts as 0; windows and constants as ssim; per channel, per image, then averaged";

/**
 * The card of a result.
 *
 * @param circumstances what else must agree before two results are comparable, e.g. `{ images: "center crop", imageHeight: 64 }`
 * @throws VqkitError("run") when a circumstance would replace a convention
 */
export function metricCard(circumstances: MetricCard = {}): MetricCard {
  const taken = Object.keys(circumstances).find((key) => Object.hasOwn(CONVENTIONS, key));
  if (taken !== undefined) {
    throw new VqkitError("run", `metric card: expected a new name, got "${taken}", which is a convention.`);
  }
  return { ...CONVENTIONS, ...circumstances };
}

/** A card, and the result it belongs to as messages name it. */
export interface NamedCard {
  readonly name: string;
  readonly card: MetricCard;
}

/**
 * Refuses to compare results computed by different conventions.
 *
 * @throws VqkitError("run") naming the first two results and the line of their cards that differ
 */
export function assertSameConventions(results: readonly NamedCard[]): void {
  const [first, ...others] = results;
  if (first === undefined) return;
  for (const { name, card } of others) {
    const keys = new Set([...Object.keys(first.card), ...Object.keys(card)]);
    for (const key of keys) {
      const expected = own(first.card, key);
      const got = own(card, key);
      if (expected !== got) {
        throw new VqkitError(
          "run",
          `${name}: expected "${key}" measured as in ${first.name} (${show(expected)}), got ${show(got)}. Evaluate both again in the same way.`,
        );
      }
    }
  }
}

function own(card: MetricCard, key: string): string | number | boolean | undefined {
  return Object.hasOwn(card, key) ? card[key] : undefined;
}

function show(value: string | number | boolean | undefined): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
