import type { Rect } from "../geometry.js";
import { gifFrame } from "./gif-frame.js";
import { type TiffSamples, tiffSamples } from "./tiff-samples.js";
import { UnsuitableError } from "./unsuitable.js";

/** How a file is to be read where libvips alone would read it otherwise than its format says. */
export interface FileReading {
  /** What libvips gets. */
  readonly content: Uint8Array;
  /** Which sample behind the colours, from 0, is the alpha; undefined where all samples behind them are left out. */
  readonly alpha?: number;
  /** Whether there are samples to be left out. */
  readonly leavesOut: boolean;
  /** All that the picture covers of its canvas; white is around it. */
  readonly frame?: Rect;
  /** What a person should know of how it is read; without full stops. */
  readonly notes: readonly string[];
}

/**
 * Looks at what a file says of itself.
 *
 * @throws UnsuitableError for samples of which nothing says what they are
 */
export function readingOf(content: Uint8Array): FileReading {
  const samples = tiffSamples(content);
  if (samples !== undefined) return { content, ...samplesReading(samples) };
  const plain = { content: asImage(content), leavesOut: false, notes: [] };
  const gif = gifFrame(content);
  if (gif === undefined) return plain;
  const { canvas, frame } = gif;
  const [bottom, right] = [frame.top + frame.height, frame.left + frame.width];
  const inside = bottom <= canvas.height && right <= canvas.width;
  const covers = frame.height === canvas.height && frame.width === canvas.width;
  return inside && !covers ? { ...plain, frame } : plain;
}

/** Only associated (1) and unassociated alpha (2) are transparency; near infrared, say, is not. */
function samplesReading({ colours, extra }: TiffSamples): Omit<FileReading, "content"> {
  const isAlpha = (kind: number): boolean => kind === 1 || kind === 2;
  const alpha = extra.findIndex(isAlpha);
  const alphas = extra.filter(isAlpha).length;
  const unknown = extra.length - alphas;
  if (alphas > 1) throw new UnsuitableError(`${alphas} samples a pixel that are said to be its alpha`);
  if (unknown === 0) return { leavesOut: false, notes: [] };
  if (colours === 1 && extra.length > 1) {
    throw new UnsuitableError(
      `${extra.length + 1} samples a pixel that are said to be grey, and not which of them is the picture`,
    );
  }
  const [samples, they] = unknown === 1 ? ["1 sample", "it is"] : [`${unknown} samples`, "they are"];
  const notes = [`${samples} a pixel left out: the file does not say what ${they} (ExtraSamples)`];
  return { leavesOut: true, ...(alpha < 0 ? {} : { alpha }), notes };
}

/**
 * An AVIF sequence has its first picture as a still image too; libvips looks only at the name before the list of what
 * the file is compatible with.
 */
function asImage(content: Uint8Array): Uint8Array {
  if (String.fromCharCode(...content.subarray(4, 12)) !== "ftypavis") return content;
  const image = Uint8Array.from(content);
  image.set(new TextEncoder().encode("avif"), 8);
  return image;
}
