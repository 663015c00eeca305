import type { CodeManifest } from "../src/tokenizer/index.js";
import { many, number } from "./count-text.js";

/** Sizes of latent grids in the closing line. */
const GRIDS_NAMED_AT_MOST = 6;

/** @param outcome.images that were encoded; null where an earlier run had finished */
export function describeCodes({
  manifest,
  images,
}: {
  readonly manifest: CodeManifest;
  readonly images: number | null;
}): string {
  const { entries, codebookSize, grids, settings } = manifest;
  const whole = images === null ? "" : ` of ${many(images, "image")}`;
  const part = settings.policy === "tile" ? "tile" : settings.views === undefined ? undefined : "view";
  const what = part === undefined ? many(entries, "image") : `${many(entries, part)}${whole}`;
  return `${what} as indices in 0..${codebookSize - 1} (latent grids: ${describeGrids(grids)}).`;
}

/** The most frequent ones; images of their own size may have thousands. */
function describeGrids(grids: CodeManifest["grids"]): string {
  const sorted = grids.toSorted((a, b) => b.entries - a.entries);
  const named = sorted.slice(0, GRIDS_NAMED_AT_MOST);
  const rest = sorted.slice(named.length);
  const texts = named.map(
    ({ gridHeight, gridWidth, entries }) => `${number(entries)} of ${gridHeight}×${gridWidth}`,
  );
  if (rest.length > 0) {
    const others = rest.reduce((sum, { entries }) => sum + entries, 0);
    texts.push(`${number(others)} of ${many(rest.length, "other size")}`);
  }
  return texts.join(", ");
}
