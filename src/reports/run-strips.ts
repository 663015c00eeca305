import { existsSync } from "node:fs";
import { sharp } from "../core/sharp.js";
import { decodeImage } from "../data/index.js";
import { formatCount, type Html, html } from "../drawing/index.js";
import type { RunFolder } from "../runs/index.js";
import { enlarged } from "./run-pictures.js";

/** Pictures on a page at most, evenly over those that there are; with these sides a page stays under 2 MB of them. */
const MOST_STRIPS = 12;
const WIDEST = 1024;
const QUALITY = 85;

/** The same few images as the run reconstructed them at several of its steps; nothing for a run that kept none. */
export async function stripFigures(run: RunFolder): Promise<Html> {
  const strips = run.strips();
  const kept = evenly(await strips.list(), MOST_STRIPS);
  if (kept.length === 0) return html``;
  const pictures = [
    ...(existsSync(strips.originals) ? [{ title: "Originals", path: strips.originals }] : []),
    ...kept.map(({ step, path }) => ({ title: `Step ${formatCount(step)}`, path })),
  ];
  const figures: Html[] = [];
  for (const { title, path } of pictures) {
    const { source, width } = await webp(path);
    figures.push(
      html`<figure><figcaption>${title}</figcaption><img class="picture" alt="${title}" style="width: ${enlarged(width)}px" src="${source}"></figure>\n`,
    );
  }
  return html`<h3>As training went on</h3>
<div class="strips">${figures}</div>
`;
}

/** The first, the last and as many others as there may be, evenly between them. */
function evenly<T>(items: readonly T[], most: number): T[] {
  if (items.length <= most) return [...items];
  return Array.from(
    { length: most },
    (_, i) => items[Math.round((i * (items.length - 1)) / (most - 1))] as T,
  );
}

/** Lossy and no wider than the page, for there may be a dozen. */
async function webp(path: string): Promise<{ readonly source: string; readonly width: number }> {
  const { pixels, height, width } = await decodeImage(path);
  const { data, info } = await sharp(pixels, { raw: { width, height, channels: 3 } })
    .resize({ width: WIDEST, withoutEnlargement: true })
    .webp({ quality: QUALITY, smartSubsample: true })
    .toBuffer({ resolveWithObject: true });
  return { source: `data:image/webp;base64,${data.toString("base64")}`, width: info.width };
}
