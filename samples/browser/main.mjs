/** The page: a model, an image, its indices, and what becomes of the image when one of them changes. */
import { CellCanvas } from "./cell-canvas.mjs";
import { drawCloseUp } from "./close-up.mjs";
import { Codebook, drawNumbers } from "./codebook.mjs";
import { bytesText, showFigures, sizesOf, timeText } from "./figures.mjs";
import { countDifferent, cut, difference, drawPixels, psnr, readImage } from "./pixels.mjs";
import { BrowserTokenizer } from "./tokenizer.mjs";

const element = (id) => document.getElementById(id);
const number = (value) => value.toLocaleString("en-US");
/** How many times as strong the picture of the difference is. */
const GAIN = 4;

const tokenizer = new BrowserTokenizer();
let codebook;
/** The image file last chosen, to be read again when the model or the size changes. */
let file;
/** { image, indices, first, shape, decoded, changes: [{ cell, from }] } of the image shown. */
let shown;

const select = (row, column) => selectCell(row, column);
const grids = ["original", "grid", "reconstruction", "difference"].map(
  (id) => new CellCanvas(element(id), { onPoint: select, onMove: select, onKey: gridKey }),
);
const [, grid] = grids;
/** Milliseconds that encoding and decoding took last. */
const times = { encode: 0, decode: 0 };
const codes = new CellCanvas(element("codebook"), {
  onPoint: (row, column) => {
    const code = codebook.codeAt(row, column);
    markCode(code);
    void change(code);
  },
  onMove: (row, column) => markCode(codebook.codeAt(row, column)),
  onKey: (key) => {
    if (key !== "Enter" && key !== " ") return false;
    void change(codebook.codeAt(codes.row, codes.column));
    return true;
  },
});

function markCode(code) {
  codes.mark(...codebook.placeOf(code));
  element("codebook-text").textContent = `code ${number(code)} of ${number(tokenizer.facts.codebookSize)}`;
}

/** Jobs run one after another; the last one's message stays. */
let queue = Promise.resolve();
function job(text, work) {
  queue = queue.then(async () => {
    say(text);
    document.body.classList.add("busy");
    try {
      say((await work()) ?? "");
    } catch (error) {
      say(error.message, true);
    } finally {
      document.body.classList.remove("busy");
    }
  });
  return queue;
}

function say(text, isWrong = false) {
  element("status").textContent = text;
  element("status").classList.toggle("wrong", isWrong);
}

/** What a published tokenizer was: its family, its files and the beginnings of their SHA-256. */
function originText(origin) {
  if (origin === null) return "";
  const { family, files } = origin.original;
  const named = files.map(({ name, sha256 }) => `${name}, SHA-256 ${sha256.slice(0, 12)}`).join("; ");
  return `, ${origin.trained ? "trained on from an import of" : "imported from"} ${family}: ${named}`;
}

function openModel(files) {
  return job("Loading the model …", async () => {
    await tokenizer.load(await files());
    codebook = await Codebook.of(tokenizer);
    const { kind, codebookSize, factor, figures, fingerprint, origin } = tokenizer.facts;
    const quality =
      figures?.psnr == null ? "" : `, ${figures.psnr.toFixed(1)} dB on ${number(figures.images)} crops`;
    element("model-text").textContent =
      `${kind}: ${number(codebookSize)} codes, ${factor}×${factor} pixels an index${quality}. Model ${fingerprint.slice(0, 12)}${originText(origin)}.`;
    element("index").max = codebookSize - 1;
    codes.resize(codebook.rows, codebook.columns);
    return file === undefined ? "The model is ready. Now an image." : await encode();
  });
}

function openImage(next) {
  file = next;
  return job("Reading the image …", async () =>
    codebook === undefined ? "The image waits for a model." : await encode(),
  );
}

async function encode() {
  const image = await readImage(file, Number(element("longest-side").value));
  const { width, height, from } = image;
  const scaled = from.width === width ? "" : `, scaled from ${number(from.width)}×${number(from.height)}`;
  element("image-text").textContent =
    `${file.name}: ${number(width)}×${number(height)} pixels${scaled}. Drop another one anywhere on this page; it stays on this machine.`;
  say("Encoding …");
  const start = performance.now();
  const { indices, shape } = await tokenizer.encode(image);
  times.encode = performance.now() - start;
  shown = { image, indices, first: indices.slice(), shape, changes: [] };
  const [, rows, columns] = shape;
  const { factor } = tokenizer.facts;
  for (const each of grids) {
    const isGrid = each === grid;
    each.resize(rows, columns, {
      width: isGrid ? 1 : (columns * factor) / width,
      height: isGrid ? 1 : (rows * factor) / height,
    });
  }
  drawPixels(element("original"), image);
  element("original-text").textContent = `${number(width)}×${number(height)} pixels`;
  codebook.drawAll(element("codebook"), indicesShown());
  await decode();
  shown.firstDecoded = shown.decoded;
  element("work").hidden = false;
  document.body.classList.add("has-image");
  selectCell(Math.floor(rows / 2), Math.floor(columns / 2));
  return `Encoded in ${timeText(times.encode)}, decoded in ${timeText(times.decode)}.`;
}

async function decode() {
  const { indices, shape, image } = shown;
  const start = performance.now();
  const decoded = await tokenizer.decode({ indices, shape });
  times.decode = performance.now() - start;
  shown.decoded = cut(decoded, image);
  drawPixels(element("reconstruction"), shown.decoded);
  const quality = psnr(image, shown.decoded);
  element("reconstruction-text").textContent = `PSNR ${quality.toFixed(2)} dB`;
  const lost = difference(image, shown.decoded, GAIN);
  drawPixels(element("difference"), lost.image);
  element("difference-text").textContent = `×${GAIN}, mean ${lost.mean.toFixed(1)} of 255`;
  drawGrid();
  drawFigures();
}

function drawFigures() {
  const { image, indices, shape } = shown;
  const { codebookSize, factor } = tokenizer.facts;
  const { pixels, codes, bits, bitsPerPixel, ratio } = sizesOf(image, indices, codebookSize);
  const [, rows, columns, codebooks] = shape;
  const each = codebooks === 1 ? "" : ` × ${codebooks}`;
  showFigures(element("figures"), [
    ["Pixels", bytesText(pixels), `${number(image.width)}×${number(image.height)}, 3 bytes each`],
    [
      "Codes",
      bytesText(codes),
      `${rows}×${columns}${each} = ${number(indices.length)} integers of ${bits} bits`,
    ],
    ["Ratio", `1 : ${Math.round(ratio)}`, `${bitsPerPixel.toFixed(3)} bits a pixel`],
    ["Encoding", timeText(times.encode), `one integer for ${factor}×${factor} pixels`],
    ["Decoding", timeText(times.decode), "in this browser, on the CPU"],
  ]);
}

function drawGrid() {
  const { shape } = shown;
  const [, rows, columns] = shape;
  const indices = indicesShown();
  if (element("colouring").value === "number") drawNumbers(element("grid"), indices, [rows, columns]);
  else codebook.drawCodes(element("grid"), indices, [rows, columns]);
  element("grid-text").textContent =
    `${rows}×${columns}, ${number(new Set(indices).size)} of ${number(tokenizer.facts.codebookSize)} codes`;
  element("undo").disabled = element("reset").disabled = shown.changes.length === 0;
}

/** Those of the first codebook, where there are several. */
function indicesShown() {
  const step = tokenizer.facts.numCodebooks;
  return shown.indices.filter((_, i) => i % step === 0);
}

function placeOf({ row, column }) {
  const [, , columns, codebooks] = shown.shape;
  return (row * columns + column) * codebooks;
}

function selectCell(row, column) {
  for (const each of grids) each.mark(row, column);
  const index = shown.indices[placeOf(grid)];
  element("place-text").textContent = `Row ${row}, column ${column}`;
  element("index").value = index;
  if (index < codebook.count) markCode(index);
  const { factor } = tokenizer.facts;
  drawCloseUp(element("close-up-first"), shown.firstDecoded, { row, column }, factor);
  drawCloseUp(element("close-up-now"), shown.decoded, { row, column }, factor);
}

/** Gives the cell chosen another index. */
function change(index) {
  const { codebookSize } = tokenizer.facts;
  if (!Number.isInteger(index) || index < 0 || index >= codebookSize) {
    say(`index: expected an integer in 0..${codebookSize - 1}, got ${element("index").value}.`, true);
    return queue;
  }
  const place = placeOf(grid);
  const { row, column } = grid;
  return job("Decoding …", async () => {
    const from = shown.indices[place];
    if (from === index) return undefined;
    shown.changes.push({ place, from, row, column });
    const text = await put(place, index);
    selectCell(row, column);
    return text;
  });
}

async function put(place, index) {
  const start = performance.now();
  const before = shown.decoded;
  const from = shown.indices[place];
  shown.indices[place] = index;
  await decode();
  const pixels = countDifferent(before, shown.decoded);
  const own = tokenizer.facts.factor ** 2;
  element("change-text").textContent =
    `${number(from)} became ${number(index)}: ${number(pixels)} pixels changed; the cell itself has ${number(own)}.`;
  return `Decoded in ${Math.round(performance.now() - start)} ms.`;
}

function undo() {
  return job("Decoding …", async () => {
    const last = shown.changes.pop();
    if (last === undefined) return undefined;
    const text = await put(last.place, last.from);
    selectCell(last.row, last.column);
    return text;
  });
}

function reset() {
  return job("Decoding …", async () => {
    shown.indices = shown.first.slice();
    shown.changes = [];
    await decode();
    selectCell(grid.row, grid.column);
    element("change-text").textContent = "All indices are as the encoder gave them.";
  });
}

function gridKey(key) {
  const current = shown.indices[placeOf(grid)];
  const { codebookSize } = tokenizer.facts;
  if (key === "+" || key === "=") void change((current + 1) % codebookSize);
  else if (key === "-") void change((current + codebookSize - 1) % codebookSize);
  else if (key === "Enter") element("index").select();
  else return false;
  return true;
}

function save(name, blob) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

function saveIndices() {
  const { indices, shape, image } = shown;
  const { fingerprint, codebookSize } = tokenizer.facts;
  const entry = { name: file.name, width: image.width, height: image.height };
  const content = { fingerprint, codebookSize, shape, images: [entry], indices: [...indices] };
  save("indices.json", new Blob([`${JSON.stringify(content)}\n`], { type: "application/json" }));
}

async function imageFrom(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`${response.url}: expected an image, got ${response.status}.`);
  return new File([await response.blob()], address.split("/").at(-1));
}

async function fromUrl(folder) {
  return Promise.all(
    ["encoder.onnx", "decoder.onnx"].map(async (name) => {
      const response = await fetch(`${folder.replace(/\/$/, "")}/${name}`);
      if (!response.ok) throw new Error(`${response.url}: expected a file, got ${response.status}.`);
      return { name, bytes: new Uint8Array(await response.arrayBuffer()) };
    }),
  );
}

async function fromFiles(files) {
  return Promise.all(
    [...files].map(async (each) => ({ name: each.name, bytes: new Uint8Array(await each.arrayBuffer()) })),
  );
}

/** Files from a chooser or a drop: models by their ending, else an image. */
function open(files) {
  const models = [...files].filter(({ name }) => name.endsWith(".onnx"));
  if (models.length > 0) void openModel(() => fromFiles(models));
  const image = [...files].find(({ name }) => !name.endsWith(".onnx"));
  if (image !== undefined) void openImage(image);
}

function onFiles(id) {
  element(id).addEventListener("change", ({ target }) => {
    open(target.files);
    target.value = ""; // so that the same file can be chosen again
  });
}

onFiles("model-files");
onFiles("image-file");
element("longest-side").addEventListener("change", () => file !== undefined && void openImage(file));
element("colouring").addEventListener("change", drawGrid);
element("index").addEventListener("change", ({ target }) => void change(Number(target.value)));
element("undo").addEventListener("click", () => void undo());
element("reset").addEventListener("click", () => void reset());
element("save-indices").addEventListener("click", saveIndices);
element("save-picture").addEventListener("click", () =>
  element("reconstruction").toBlob((blob) => save("reconstruction.png", blob)),
);
for (const name of ["dragover", "dragleave", "drop"]) {
  addEventListener(name, (event) => {
    event.preventDefault();
    document.body.classList.toggle("over", name === "dragover");
    if (name === "drop") open(event.dataTransfer.files);
  });
}

/** `?model=FOLDER&image=FILE`, of this server: what the page begins with. */
const { searchParams } = new URL(location.href);
const [folder, first] = [searchParams.get("model"), searchParams.get("image")];
document.body.classList.toggle("has-model", folder !== null);
if (folder === null) say("Choose a model to begin.");
else void openModel(() => fromUrl(folder));
if (first !== null) void job("Reading the image …", async () => void openImage(await imageFrom(first)));
