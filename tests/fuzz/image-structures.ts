import fc from "fast-check";
import sharp from "sharp";
import { gifFrame } from "../../src/data/structure/gif-frame.js";
import { withEndMarker } from "../../src/data/structure/jpeg-end.js";
import { tiffSamples } from "../../src/data/structure/tiff-samples.js";
import { gifFile, iccProfile, tiffFile } from "../data/image-files.js";
import { mutationsOf } from "./mutations.js";
import { check, type Target } from "./target.js";

/** What is read of image files besides what libvips reads: none of it throws, whatever the bytes. */
export async function imageStructures(): Promise<Target> {
  const samples = Uint8Array.from({ length: 3 * 5 * 5 }, (_, i) => i % 251);
  const shape = { height: 3, width: 5, channels: 5, photometric: 2, extra: [0, 2] };
  const gif = { canvas: { height: 6, width: 8 }, frame: { top: 1, left: 2, height: 3, width: 4 } };
  const jpeg = sharp(samples, { raw: { height: 15, width: 5, channels: 1 } });
  const whole = [
    tiffFile(samples, shape),
    tiffFile(Uint16Array.from(samples), { ...shape, bigEndian: true, profile: iccProfile("RGB ", 1) }),
    tiffFile(samples, { ...shape, big: true }),
    gifFile(Array(12).fill(2), { ...gif, comment: "hello", transparent: 1 }),
    (await jpeg.clone().jpeg().toBuffer()).subarray(0, -2),
    (await jpeg.clone().jpeg({ progressive: true }).toBuffer()).subarray(0, -2),
  ];
  return {
    name: "structure of image files",
    cases: fc.oneof(mutationsOf(whole), fc.uint8Array({ maxLength: 64 })),
    read: async (bytes) => {
      const { colours = 1, extra = [] } = tiffSamples(bytes) ?? {};
      check(colours >= 1 && extra.length <= 4096, "odd samples");
      const { frame } = gifFrame(bytes) ?? {};
      check(frame === undefined || Object.values(frame).every((side) => side >= 0), "an odd frame");
      const mended = withEndMarker(bytes);
      check(mended === undefined || mended.length === bytes.length + 2, "more than an end marker");
    },
  };
}
