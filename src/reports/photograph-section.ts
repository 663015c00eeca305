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

/** The same whole photograph by each model, with its codes below; nothing for no model. */
export async function photographSection(each: readonly LabelledPhotograph[]): Promise<Html | null> {
  const [first] = each;
  if (first === undefined) return null;
  const { name, original, mosaic } = first.photograph;
  const figures = [figure(html`original`, [await picture(original, "The photograph", false)])];
  for (const { label, photograph } of each) {
    const { reconstruction, mosaic: codes, psnr } = photograph;
    const key = psnr === null ? "equal" : `${formatFixed(psnr, 1)} dB`;
    figures.push(
      figure(html`${label}<span class="key">${key}</span>`, [
        await picture(reconstruction, `The photograph as ${label} decodes it`, false),
        await picture(codes, `Its codes by ${label}`, true),
      ]),
    );
  }
  return section(
    "A whole photograph",
    html`<div class="photographs">${figures}</div>
<p class="soft">${name}, ${original.width}×${original.height} pixels, as each decodes it from its codes; below, the ${mosaic.width}×${mosaic.height} codes, a square each. Codes that lie near each other in the codebook have similar colours; colours of different models say nothing of each other. The PSNR is that of this photograph alone.</p>`,
  );
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
