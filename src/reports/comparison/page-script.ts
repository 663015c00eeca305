/**
 * The program of a comparison's page: a magnifier over the examples, and the difference of any two rows. It reads the
 * page's data and pictures and writes text and canvases only, never HTML.
 */
export const comparisonScript = `
const data = JSON.parse(document.getElementById("vqkit-data").textContent);
const element = (name, text, className) => {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className !== undefined) made.className = className;
  return made;
};

// The magnifier: the same square of every row's picture, enlarged, with the mean error in it.
const strips = document.querySelector(".examples");
if (strips !== null) {
  const { columns, width, height } = data.examples;
  const lens = document.querySelector(".lens");
  const cells = lens.querySelector(".lens-cells");
  const size = document.getElementById("lens-size");
  const readout = document.getElementById("lens-place");
  const pictures = [...strips.querySelectorAll("img[data-row]")];
  const original = pictures.find((image) => image.dataset.kind === "original");
  const views = pictures.map((image) => {
    const figure = element("figure");
    const canvas = element("canvas");
    const caption = element("figcaption", image.dataset.kind === "error" ? "error" : image.dataset.row);
    figure.append(canvas, caption);
    cells.append(figure);
    return { image, canvas, caption };
  });
  const scratch = element("canvas");
  const reading = scratch.getContext("2d", { willReadFrequently: true });
  const pixelsOf = (image, { left, top, side }) => {
    scratch.width = side; scratch.height = side;
    reading.drawImage(image, left, top, side, side, 0, 0, side, side);
    return reading.getImageData(0, 0, side, side).data;
  };
  let place = { column: 0, x: width / 2, y: height / 2 };
  const draw = () => {
    const side = Math.min(Number(size.value), width, height);
    const x = Math.round(Math.min(width - side, Math.max(0, place.x - side / 2)));
    const y = Math.round(Math.min(height - side, Math.max(0, place.y - side / 2)));
    const square = { left: place.column * width + x, top: y, side };
    const reference = pixelsOf(original, square);
    for (const { image, canvas, caption } of views) {
      const shown = Math.round(canvas.clientWidth * devicePixelRatio) || 96;
      canvas.width = shown; canvas.height = shown;
      const context = canvas.getContext("2d");
      context.imageSmoothingEnabled = false;
      context.drawImage(image, square.left, square.top, side, side, 0, 0, shown, shown);
      if (image.dataset.kind !== "row") continue;
      const pixels = pixelsOf(image, square);
      let sum = 0;
      for (let i = 0; i < pixels.length; i++) if (i % 4 !== 3) sum += Math.abs(pixels[i] - reference[i]);
      caption.textContent = image.dataset.row + ": " + (sum / (side * side * 3)).toFixed(1);
    }
    readout.textContent = "Image " + (place.column + 1) + ", columns " + x + " to " + (x + side - 1) + ", rows " + y + " to " + (y + side - 1) + ". Under each: mean absolute error in 8-bit steps.";
    for (const frame of strips.querySelectorAll(".frame")) {
      frame.hidden = false;
      frame.style.left = 100 * square.left / (columns * width) + "%";
      frame.style.top = 100 * square.top / height + "%";
      frame.style.width = 100 * side / (columns * width) + "%";
      frame.style.height = 100 * side / height + "%";
    }
  };
  const open = () => { if (lens.hidden) { lens.hidden = false; } draw(); };
  const pointAt = (event) => {
    const image = event.target.closest(".picture-box")?.querySelector("img");
    if (image === null || image === undefined) return;
    const box = image.getBoundingClientRect();
    const across = Math.min(columns * width - 1, Math.max(0, (event.clientX - box.left) / box.width * columns * width));
    const down = (event.clientY - box.top) / box.height * height;
    place = { column: Math.floor(across / width), x: across % width, y: down };
    open();
  };
  strips.addEventListener("pointermove", (event) => { if (event.pointerType === "mouse") pointAt(event); });
  strips.addEventListener("click", pointAt);
  strips.addEventListener("keydown", (event) => {
    const step = Math.max(1, Number(size.value) / 4);
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const move = moves[event.key];
    if (move === undefined) return;
    event.preventDefault();
    const across = Math.min(columns * width - 1, Math.max(0, place.column * width + place.x + move[0]));
    place = { column: Math.floor(across / width), x: across % width, y: Math.min(height - 1, Math.max(0, place.y + move[1])) };
    open();
  });
  size.addEventListener("input", draw);
  document.getElementById("lens-close").addEventListener("click", () => {
    lens.hidden = true;
    for (const frame of strips.querySelectorAll(".frame")) frame.hidden = true;
  });
  const errors = document.getElementById("show-errors");
  const showErrors = () => {
    for (const box of strips.querySelectorAll(".picture-box.error")) box.hidden = !errors.checked;
    for (const { image, canvas } of views) canvas.parentElement.hidden = image.dataset.kind === "error" && !errors.checked;
  };
  errors.addEventListener("input", showErrors);
  showErrors();
  document.querySelector(".strip-tools").hidden = false;
}

// The difference of two rows.
const form = document.querySelector("form.pair");
if (form !== null) {
  const body = document.querySelector("#pair-table tbody");
  const heads = document.querySelectorAll("#pair-table thead th");
  const text = (value) => (value === undefined ? "–" : JSON.stringify(value));
  const show = () => {
    const chosen = [form.elements.first.selectedIndex, form.elements.second.selectedIndex];
    const [a, b] = chosen.map((row) => data.configs[row]);
    chosen.forEach((row, i) => { heads[i + 1].textContent = data.comparison.rows[row].label; });
    const fields = [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((field) => text(a[field]) !== text(b[field]));
    body.replaceChildren(...fields.map((field) => {
      const line = element("tr");
      const head = element("th", field, "text");
      head.scope = "row";
      line.append(head, ...[a, b].map((config) => { const cell = element("td", undefined, "text"); cell.append(element("code", text(config[field]))); return cell; }));
      return line;
    }));
    document.getElementById("pair-none").hidden = fields.length > 0;
    document.getElementById("pair-table").hidden = fields.length === 0;
  };
  form.addEventListener("input", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  show();
}
`;
