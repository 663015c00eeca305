// Draws the picture in README.md: a photograph, its codes as a mosaic and as numbers, and what each model of a
// comparison makes of its codes. The figures are those of the comparison's held-out crops.
// usage: npm run build && node tools/picture.mjs runs/picture [--photo FILE] [--square ROW,COLUMN] [--out FILE.webp]
import { readFileSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { ImageDataset, toSharp } from "../dist/src/data/index.js";
import { lettering, letteringWidth } from "../dist/src/data/lettering.js";
import { codeColours, codeMosaic } from "../dist/src/evaluation/index.js";
import { RunFolder } from "../dist/src/runs/index.js";
import { Tokenizer } from "../dist/src/tokenizer/index.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    photo: { type: "string", default: "samples/photos/astronaut.jpg" },
    square: { type: "string", default: "12,25" },
    out: { type: "string", default: "docs/images/tokenizers.webp" },
  },
});
const [folder] = positionals;
if (folder === undefined) throw new Error("expected the folder of a comparison, got none.");

/** In pixels; pages show them at half of their size. */
const WIDTH = 1680;
const GAP = 28;
/** Codes a side of the part that is shown as numbers. */
const SIDE = 8;
const TITLE = { capHeight: 17, thickness: 2.7, colour: "#1f2328" };
const NOTE = { capHeight: 14, thickness: 1.7, colour: "#59636e" };
const HEAD = 62;

const { rows } = JSON.parse(readFileSync(path.join(folder, "comparison.json"), "utf8"));
const models = [];
for (const row of rows) models.push(await reconstructed(row));
const best = models.reduce((a, b) => (b.row.psnr.mean > a.row.psnr.mean ? b : a));
const photo = { pixels: best.original, ...best.size };

const picture = sharp(await draw(upperPanels(), lowerPanels()));
await picture.webp({ quality: 90, smartSubsample: true }).toFile(values.out);
for (const { row } of models) console.log(`${row.label}: ${figuresOf(row)}`);
console.log(
  `${values.out}: ${path.basename(values.photo)}, ${best.isHeldOut ? "held out from training" : "TRAINED ON"}`,
);

/** The photograph through the model of a row's first seed. */
async function reconstructed(row) {
  const run = path.join(folder, path.basename(row.runs[0]));
  const { data, seed } = await (await RunFolder.open(run)).readConfig();
  const dataset = await ImageDataset.open(data, data.splitSeed ?? seed);
  const isHeldOut = dataset.heldOutFiles.some((file) => path.resolve(file) === path.resolve(values.photo));
  const tokenizer = await Tokenizer.load(run);
  try {
    const codes = await tokenizer.encode(values.photo);
    const image = await tokenizer.decode(codes);
    const vectors = tokenizer.hasCodeVectors ? await tokenizer.codeVectors() : null;
    const { data: original } = await sharp(values.photo)
      .removeAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true });
    const size = { height: image.height, width: image.width };
    return { row, codes, image, vectors, original, size, isHeldOut };
  } finally {
    await tokenizer.close();
  }
}

function figuresOf({ psnr, usage, codebookSize }) {
  return `${psnr.mean.toFixed(1)} dB, ${Math.round(100 * usage.mean)} % of ${codebookSize.toLocaleString("en-US")} codes`;
}

/** The photograph, its codes, and a few of them as numbers. */
function upperPanels() {
  const { codes, vectors, row } = best;
  const [, height, width] = codes.shape;
  const colours = codeColours(codes.indices, vectors);
  const [top, left] = values.square.split(",").map(Number);
  return [
    {
      title: "a photograph",
      note: `${photo.width} x ${photo.height} pixels${best.isHeldOut ? ", kept out of training" : ""}`,
      image: photo,
    },
    {
      title: "its codes",
      note: `${width} x ${height} integers, by ${row.label}`,
      image: codeMosaic({ indices: codes.indices, height, width }, colours, 1),
      kernel: "nearest",
      mark: { top: top / height, left: left / width, height: SIDE / height, width: SIDE / width },
    },
    {
      title: "the marked square",
      note: "this is what is stored",
      image: photo, // of the same shape, and painted over
      paint: (size) => numbers({ indices: codes.indices, width, colours, top, left }, size),
    },
  ];
}

/** What each model makes of its codes. */
function lowerPanels() {
  return models.map(({ row, image }) => ({ title: `decoded: ${row.label}`, note: figuresOf(row), image }));
}

/** A square of codes as an SVG drawing, each in its colour. */
function numbers({ indices, width, colours, top, left }, size) {
  const cell = { width: size.width / SIDE, height: size.height / SIDE };
  const cells = Array.from({ length: SIDE * SIDE }, (_, i) => {
    const [y, x] = [Math.floor(i / SIDE), i % SIDE];
    const index = indices[(top + y) * width + left + x];
    const [red, green, blue] = colours.get(index);
    const isLight = 0.299 * red + 0.587 * green + 0.114 * blue > 128;
    const style = { capHeight: 14, thickness: 2, colour: isLight ? "#000" : "#fff" };
    const at = {
      x: (x + 0.5) * cell.width - letteringWidth(String(index), style) / 2,
      y: (y + 0.5) * cell.height + style.capHeight / 2,
    };
    return `<rect x="${x * cell.width}" y="${y * cell.height}" width="${cell.width + 1}" height="${cell.height + 1}" fill="rgb(${red},${green},${blue})"/>${lettering(String(index), at, style)}`;
  });
  return svg(size, cells.join(""));
}

/** Rows of panels, each row as wide as the picture. */
async function draw(...lines) {
  const layers = [];
  let top = GAP;
  for (const panels of lines) {
    const width = Math.floor((WIDTH - (panels.length + 1) * GAP) / panels.length);
    const height = Math.round((width * photo.height) / photo.width);
    for (const [i, panel] of panels.entries()) {
      const left = GAP + i * (width + GAP);
      layers.push({ input: heading(panel, width), left, top });
      layers.push({ input: await painted(panel, { width, height }), left, top: top + HEAD });
    }
    top += HEAD + height + GAP;
  }
  const create = { width: WIDTH, height: top, channels: 3, background: "white" };
  return sharp({ create }).composite(layers).removeAlpha().png().toBuffer();
}

function heading({ title, note }, width) {
  const second = TITLE.capHeight + 12 + NOTE.capHeight;
  const lines =
    lettering(title, { x: 0, y: TITLE.capHeight + 1 }, TITLE) + lettering(note, { x: 0, y: second }, NOTE);
  return svg({ width, height: HEAD }, lines);
}

async function painted({ image, kernel = "lanczos3", mark, paint }, size) {
  const { width, height } = size;
  const scaled = toSharp(image).resize({ ...size, fit: "fill", kernel });
  const frame =
    mark &&
    svg(
      size,
      ["#fff", "#000"]
        .map(
          (colour, i) =>
            `<rect x="${mark.left * width}" y="${mark.top * height}" width="${mark.width * width}" height="${mark.height * height}" fill="none" stroke="${colour}" stroke-width="${6 - 3 * i}"/>`,
        )
        .join(""),
    );
  const layers = [paint?.(size), frame].filter((layer) => layer !== undefined);
  return scaled
    .composite(layers.map((input) => ({ input, left: 0, top: 0 })))
    .png()
    .toBuffer();
}

function svg({ width, height }, content) {
  return Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">${content}</svg>`,
  );
}
