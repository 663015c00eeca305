import { ramp } from "../../drawing/charts/index.js";
import {
  encodeIndexedPng,
  formatCount,
  formatFixed,
  type Html,
  html,
  pngUrl,
  section,
} from "../../drawing/index.js";
import type { Comparison } from "./comparison.js";
import type { PicturedExamples, PicturedRow } from "./example-pictures.js";

/** The same images by every row, with their errors; a magnifier where the page's program runs. */
export function examplesSection(examples: PicturedExamples, { rows }: Comparison): Html {
  const { columns, originals } = examples;
  return section(
    "Reconstructions",
    html`<div class="strip-tools" hidden><label><input type="checkbox" id="show-errors"> Error maps</label><span class="soft">Point at a picture, or tap it, to magnify that place in all of them; arrow keys move it.</span></div>
<div class="examples" style="--columns: ${columns}" tabindex="0" role="group" aria-label="Reconstructions">
<figure class="strip"><figcaption>originals</figcaption>${box({ row: "originals", kind: "original", source: originals, alt: "Originals" })}</figure>
${examples.rows.map((each, i) => strip(each, rows[i]?.psnr?.mean))}</div>
<div class="lens" hidden>
<div class="lens-head"><span id="lens-place"></span><span><label>Side <select id="lens-size"><option>8</option><option selected>16</option><option>32</option></select></label> <button type="button" id="lens-close" aria-label="Close the magnifier">×</button></span></div>
<div class="lens-cells"></div>
</div>
<p class="soft">${describe(examples)}</p>
<p class="scale">Mean absolute error: 0 <img alt="from dark to bright" src="${rampUrl()}"> ${String(examples.brightest)} 8-bit steps and more; the same scale for all.</p>`,
  );
}

function describe({ rows, width, height, isCut, leftOut }: PicturedExamples): string {
  const seeds = [...new Set(rows.map(({ seed }) => seed))];
  const runs = seeds.length === 1 ? `All are of seed ${seeds[0]}.` : "Of each row's lowest seed.";
  const cut = isCut ? ` Shown are the middle ${width}×${height} pixels of each.` : "";
  const left = leftOut === 0 ? "" : ` ${formatCount(leftOut)} more rows are left out here.`;
  return `Originals, then each row's reconstructions; error maps show the absolute difference of 8-bit values, its mean over red, green and blue. Below each image its own PSNR in dB. ${runs}${cut}${left}`;
}

function strip({ label, images, errors, psnr }: PicturedRow, mean: number | undefined): Html {
  const title = mean === undefined ? "" : ` ${formatFixed(mean, 2)} dB over all images and seeds`;
  const values = psnr.map((value) => html`<li>${value === null ? "equal" : formatFixed(value, 1)}</li>`);
  return html`<figure class="strip"><figcaption>${label}<span class="key">${title}</span></figcaption>
${box({ row: label, kind: "row", source: images, alt: `Reconstructions by ${label}` })}
${box({ row: label, kind: "error", source: errors, alt: `Error maps of ${label}` })}
<ol class="psnrs">${values}</ol></figure>
`;
}

interface PictureBox {
  readonly row: string;
  readonly kind: "original" | "row" | "error";
  /** For the `src` attribute. */
  readonly source: string;
  readonly alt: string;
}

function box({ row, kind, source, alt }: PictureBox): Html {
  return html`<div class="picture-box ${kind}"><img alt="${alt}" data-row="${row}" data-kind="${kind}" src="${source}"><span class="frame" hidden></span></div>`;
}

/** The colours of the error maps from 0 to the brightest. */
function rampUrl(): string {
  const colours = ramp("sequential");
  const pixels = Uint8Array.from({ length: colours.length - 1 }, (_, i) => i);
  return pngUrl(encodeIndexedPng({ width: pixels.length, height: 1, pixels, colours }));
}
