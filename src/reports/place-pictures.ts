import { NOTHING, ramp, rampStep } from "../drawing/charts/index.js";
import { encodeIndexedPng, formatCount, type Html, html, pngUrl } from "../drawing/index.js";
import type { PlaceStatistics } from "./index-places.js";

/** So many of the codes are shown. */
const SHOWN = 12;

/** For each of the most used codes a small map of the positions that have it, bright where it is most frequent. */
export function favouritePlaces({ rows, columns, codes, samples }: PlaceStatistics): Html {
  if (rows * columns < 4 || codes.length === 0) return html``;
  const colours = ramp("sequential");
  const maps = codes.slice(0, SHOWN).map(({ index, counts }) => {
    const shares = counts.map((count, cell) => (samples[cell] === 0 ? 0 : count / (samples[cell] as number)));
    const most = shares.reduce((top, share) => Math.max(top, share), 0);
    const pixels = Uint8Array.from(shares, (share) => (share === 0 ? NOTHING : rampStep(share / most)));
    const source = pngUrl(encodeIndexedPng({ width: columns, height: rows, pixels, colours }));
    const total = counts.reduce((sum, count) => sum + count, 0);
    return html`<figure><img class="mini" alt="Positions of code ${index}" src="${source}"><figcaption>${String(index)} <span class="soft">× ${formatCount(total)}</span></figcaption></figure>\n`;
  });
  return html`<p class="soft">Positions of the most used codes, each by its own scale: from dark (seldom) to bright (most); none where the code never stood.</p>
<div class="minis">${maps}</div>`;
}
