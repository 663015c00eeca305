import { basename } from "node:path";
import {
  centerCrop,
  cropImage,
  decodeImage,
  type ImageSource,
  loadItem,
  type RgbImage,
  type SourceItem,
} from "../data/index.js";
import { type CodedPhotograph, codeColours, codeMosaic } from "../evaluation/index.js";
import { compareImages } from "../metrics/index.js";
import { finestGrid } from "./codes.js";
import type { Tokenizer } from "./tokenizer.js";

/** Pixels of the longer side at most: pages show no more. */
const LONGEST = 512;

/**
 * One photograph as a model sees it: whole, at most 512 pixels a side; the middle of it for a model that takes images
 * of one size.
 *
 * @param photograph its path, or an item of a source
 * @throws ImageError for a broken image; as `Tokenizer.encode` and `Tokenizer.decode`
 */
export async function photographThrough(
  tokenizer: Tokenizer,
  photograph: string | SourceItem,
): Promise<CodedPhotograph> {
  const { source, where } = await loadItem(
    typeof photograph === "string" ? { name: photograph, source: photograph } : photograph,
  );
  const original = await fitting({ source, name: where }, tokenizer.imageSide);
  const codes = await tokenizer.encode({ ...original, channels: 3 });
  const { pixels, height, width } = await tokenizer.decode(codes);
  const grid = finestGrid(codes);
  const [, rows, columns, codebooks] = grid.shape;
  const indices = grid.indices.filter((_, i) => i % codebooks === 0);
  const vectors = tokenizer.hasCodeVectors ? await tokenizer.codeVectors() : null;
  const [figures] = compareImages({ ...original, count: 1 }, { pixels, height, width, count: 1 });
  return {
    name: basename(where),
    original,
    mosaic: codeMosaic({ indices, height: rows, width: columns }, codeColours(indices, vectors), 1),
    numCodebooks: codebooks,
    reconstruction: { pixels, height, width },
    psnr: figures?.psnr ?? null,
  };
}

async function fitting(
  { source, name }: { readonly source: ImageSource; readonly name: string },
  side: number | undefined,
): Promise<RgbImage> {
  const decode = (resize: number | null = null): Promise<RgbImage> => decodeImage(source, { name, resize });
  if (side !== undefined) {
    const image = await decode(side);
    return cropImage(image, centerCrop(image, { height: side, width: side }));
  }
  const image = await decode();
  const [shorter, longer] = [Math.min(image.height, image.width), Math.max(image.height, image.width)];
  return longer <= LONGEST ? image : decode(Math.round((shorter * LONGEST) / longer));
}
