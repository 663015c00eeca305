import { z } from "zod";
import type { CodedImage } from "../codes.js";

const whole = z.int().min(1);
const offset = z.int().min(0);

/** The fields of `CodedImage` as JSON files have them; each format adds its own. */
export const imageSchema = z.object({
  name: z.string().min(1),
  width: whole,
  height: whole,
  tile: z
    .object({ top: offset, left: offset, imageHeight: whole, imageWidth: whole, overlap: offset })
    .exactOptional(),
});

/** Fields of an image in the order in which files have them. */
export function imageFields({ name, width, height, tile }: CodedImage): CodedImage {
  if (tile === undefined) return { name, width, height };
  const { top, left, imageHeight, imageWidth, overlap } = tile;
  return { name, width, height, tile: { top, left, imageHeight, imageWidth, overlap } };
}
