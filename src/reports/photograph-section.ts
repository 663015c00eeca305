import { sharp } from "../core/sharp.js";
import type { RgbImage } from "../data/index.js";
import { formatFixed, type Html, html, section } from "../drawing/index.js";
import type { CodedPhotograph } from "../evaluation/index.js";

/** A photograph through one model, and what the model is called. */
export interface LabelledPhotograph {
  readonly label: string;
  readonly photograph: CodedPhotograph;
}

const QUALITY = 88;
const TITLE = "A whole photograph";

/** The same whole photograph by each model, with its codes below; nothing for no model. */
export async function photographSection(each: readonly LabelledPhotograph[]): Promise<Html | null> {
  const [first] = each;
  if (first === undefined) return null;
  const { name, original, mosaic } = first.photograph;
  const figures = [figure(html`original`, [await picture(original, "The photograph", false)])];
  for (const { label, photograph } of each) {
    const { reconstruction, mosaic: codes } = photograph;
    figures.push(
      figure(html`${label}<span class="key">${psnrOf(photograph)}</span>`, [
        await picture(reconstruction, `The photograph as ${label} decodes it`, false),
        await picture(codes, `Its codes by ${label}`, true),
      ]),
    );
  }
  return section(
    TITLE,
    html`<div class="photographs">${figures}</div>
<p class="soft">${name}, ${sizeOf(original)} pixels, as each decodes it from its codes; below, the ${sizeOf(mosaic)} codes, a square each. ${COLOURS}; colours of different models say nothing of each other. The PSNR is that of this photograph alone.</p>`,
  );
}

/** A whole photograph, its codes and its reconstruction, side by side; nothing where there is none. */
export async function codedPhotographSection(photograph: CodedPhotograph | undefined): Promise<Html | null> {
  if (photograph === undefined) return null;
  const { name, original, mosaic, numCodebooks, reconstruction } = photograph;
  const several = numCodebooks === 1 ? "" : ` of the first of ${numCodebooks} codebooks`;
  return section(
    TITLE,
    html`<div class="photographs few">${[
      figure(html`original`, [await picture(original, "The photograph", false)]),
      figure(html`codes<span class="key">${sizeOf(mosaic)}</span>`, [
        await picture(mosaic, "Its codes as a mosaic", true),
      ]),
      figure(html`reconstruction<span class="key">${psnrOf(photograph)}</span>`, [
        await picture(reconstruction, "The photograph as the model decodes it", false),
      ]),
    ]}</div>
<p class="soft">${name}, ${sizeOf(original)} pixels, its ${sizeOf(mosaic)} codes${several}, a square each, and what the model decodes from them. ${COLOURS}. The PSNR is that of this photograph alone.</p>`,
  );
}

const COLOURS = "Codes that lie near each other in the codebook have similar colours";

function sizeOf({ width, height }: RgbImage): string {
  return `${width}×${height}`;
}

function psnrOf({ psnr }: CodedPhotograph): string {
  return psnr === null ? "equal" : `PSNR ${formatFixed(psnr, 1)} dB`;
}

function figure(caption: Html, pictures: readonly Html[]): Html {
  return html`<figure><figcaption>${caption}</figcaption>${pictures}</figure>\n`;
}

async function picture(image: RgbImage, alt: string, isMosaic: boolean): Promise<Html> {
  const { pixels, height, width } = image;
  const webp = await sharp(pixels, { raw: { height, width, channels: 3 } })
    .webp(isMosaic ? { lossless: true } : { quality: QUALITY, smartSubsample: true })
    .toBuffer();
  const kind = isMosaic ? "mosaic" : "photograph";
  return html`<img class="${kind}" alt="${alt}" width="${width}" height="${height}" src="data:image/webp;base64,${webp.toString("base64")}">`;
}
