import { CodeCounts, type CodeGeometry, ScaleCounter, type ScaleCounts } from "../../metrics/index.js";
import { beginsImage } from "../codes.js";
import { openCodes } from "./reader.js";

/** What a usage report needs to know of codes. */
export interface CodeFolderUsage {
  readonly counts: CodeCounts;
  /** The same scale by scale, of codes that are sequences. */
  readonly scales?: readonly ScaleCounts[];
  /** Whole images; tiles of one count together. */
  readonly images: number;
  /** Sizes of latent grid and image; null when the images have no common size, or come in tiles. */
  readonly geometry: CodeGeometry | null;
}

/** Counts how often each code occurs, in memory that does not grow with the number of images. @throws as `readCodes` */
export async function countCodes(path: string): Promise<CodeFolderUsage> {
  const reader = await openCodes(path);
  const { codebookSize, numCodebooks, grids, scales: sides } = reader.manifest;
  const counts = new CodeCounts(codebookSize, numCodebooks);
  const scales = sides && new ScaleCounter(codebookSize, numCodebooks, sides);
  let geometry: CodeGeometry | undefined;
  let images = 0;
  let same = grids.length === 1;
  for await (const codes of reader.read()) {
    counts.add(codes.indices);
    scales?.add(codes.indices);
    const [, gridHeight, gridWidth] = codes.shape;
    images += codes.images.filter(beginsImage).length;
    for (const { width, height, tile } of codes.images) {
      geometry ??= { gridHeight, gridWidth, imageHeight: height, imageWidth: width, numCodebooks };
      same &&= tile === undefined && geometry.imageWidth === width && geometry.imageHeight === height;
    }
  }
  const byScale = scales === undefined ? {} : { scales: scales.scales };
  return { counts, ...byScale, images, geometry: same ? (geometry ?? null) : null };
}
