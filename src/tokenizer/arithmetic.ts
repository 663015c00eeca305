import { createHash } from "node:crypto";
import type { PixelBatch } from "../autoencoder/index.js";
import { Random } from "../core/random.js";
import type { Size } from "../data/index.js";
import type { EncodeSettings } from "./encode-options.js";
import { imageSideOf, type Passes } from "./passes/passes.js";

/** Not square, so that rows and columns cannot be taken for one another. */
const HEIGHT = 96;
const WIDTH = 160;
const IMAGES = 2;

/**
 * What `Tokenizer.arithmetic` returns. Codes alone would seldom tell two processors apart, as about one index in
 * 65,000 lies where the last bits decide; latents have these bits themselves.
 */
export async function arithmeticDigest(passes: Passes, settings: EncodeSettings): Promise<string> {
  const size = probeSize(passes, settings);
  const { values } = await passes.latents(probeImages(size));
  const { indices } = await passes.encode(probeImages(size));
  const hash = createHash("sha256");
  for (const { buffer, byteOffset, byteLength } of [values, indices]) {
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest("hex");
}

/** As the images that are to be encoded, as far as that is known: kernels depend on it. */
function probeSize({ facts }: Passes, settings: EncodeSettings): Size {
  if (settings.policy !== "native") return settings.size;
  const side = imageSideOf(facts);
  if (side !== undefined) return { height: side, width: side };
  const multiple = (pixels: number): number =>
    Math.ceil(pixels / facts.config.downsamplingFactor) * facts.config.downsamplingFactor;
  return { height: multiple(HEIGHT), width: multiple(WIDTH) };
}

function probeImages({ height, width }: Size): PixelBatch {
  const random = new Random(0, "arithmetic probe", height, width);
  const pixels = Uint8Array.from({ length: IMAGES * height * width * 3 }, () => random.integer(256));
  return { pixels, count: IMAGES, height, width };
}
