/**
 * The program of a usage page: a code can be searched, and the map says what is under the pointer. It reads the page's
 * data and writes text only, never HTML.
 */
export const usageScript = `
const data = JSON.parse(document.getElementById("vqkit-data").textContent);
const number = (value) => value.toLocaleString("en-US");
const books = data.codebooks.map(({ indices, counts }) => {
  const byIndex = new Map(indices.map((index, i) => [index, counts[i]]));
  const sorted = [...counts].sort((a, b) => b - a);
  return { byIndex, sorted, samples: counts.reduce((sum, count) => sum + count, 0) };
});
function lifeOf(index, codebook) {
  if (data.lives === null || data.lives === undefined) return "";
  const { born, lastUsed, aliveSince, deaths } = data.lives.codebooks[codebook];
  const step = (record) => "step " + number(data.lives.steps[record - 1]);
  if (born[index] === undefined) return "";
  if (born[index] === 0) return " Never used in training.";
  const times = deaths[index] === 0 ? "" : ", fell out of use " + number(deaths[index]) + (deaths[index] === 1 ? " time" : " times");
  const now = aliveSince[index] === 0 ? ", last used by " + step(lastUsed[index])
    : aliveSince[index] === born[index] ? "" : ", in use again since " + step(aliveSince[index]);
  return " In training: first used by " + step(born[index]) + times + now + ".";
}
function describe(index, codebook) {
  const { byIndex, sorted, samples } = books[codebook];
  const count = byIndex.get(index) ?? 0;
  if (count === 0) return "Code " + number(index) + ": never chosen." + lifeOf(index, codebook);
  let low = 0, high = sorted.length;
  while (low < high) { const middle = (low + high) >> 1; if (sorted[middle] > count) low = middle + 1; else high = middle; }
  return "Code " + number(index) + ": chosen " + number(count) + (count === 1 ? " time, " : " times, ") +
    (100 * count / samples).toPrecision(3) + " %, rank " + number(low + 1) + " of " + number(data.codebookSize) + "." + lifeOf(index, codebook);
}
function sprite(sheet, entry, slot) {
  const share = (at, count) => (count === 1 ? 0 : 100 * at / (count - 1)) + "%";
  const element = document.createElement("span");
  element.className = "sprite " + sheet.name + (slot === 0 ? " alone" : "");
  const column = (entry % sheet.perRow) * sheet.slots + slot;
  element.style.backgroundPosition = share(column, sheet.perRow * sheet.slots) + " " + share(Math.floor(entry / sheet.perRow), sheet.rows);
  return element;
}
for (const form of document.querySelectorAll("form.search")) {
  const codebook = Number(form.dataset.codebook);
  const output = document.getElementById("found-" + codebook);
  const pictures = document.getElementById("pictures-" + codebook);
  const sheet = data.atlases[codebook];
  form.hidden = false;
  const search = (event) => {
    event?.preventDefault();
    const text = form.elements.code.value.trim();
    const index = Number(text);
    if (pictures !== null) pictures.replaceChildren();
    if (text === "" || !Number.isInteger(index) || index < 0 || index >= data.codebookSize) {
      output.textContent = text === "" ? "" : "Expected an integer in 0.." + (data.codebookSize - 1) + ", got " + text + ".";
      return;
    }
    output.textContent = describe(index, codebook);
    if (sheet === null || pictures === null) return;
    const entry = sheet.entries.findIndex((each) => each.index === index);
    if (entry < 0) { output.textContent += " It has no pictures on this page."; return; }
    for (let slot = 0; slot <= sheet.entries[entry].patches; slot++) pictures.append(sprite(sheet, entry, slot));
  };
  form.addEventListener("submit", search);
  form.addEventListener("input", search);
}
for (const box of document.querySelectorAll("[data-map]")) {
  const codebook = Number(box.dataset.map);
  const columns = Number(box.dataset.columns), rows = Number(box.dataset.rows);
  const image = box.querySelector("svg image");
  const output = box.querySelector(".readout");
  const indexAt = (event) => {
    const { left, top, width, height } = image.getBoundingClientRect();
    const column = Math.floor((event.clientX - left) / width * columns), row = Math.floor((event.clientY - top) / height * rows);
    const index = row * columns + column;
    return column < 0 || column >= columns || row < 0 || index >= data.codebookSize ? undefined : index;
  };
  image.style.cursor = "crosshair";
  image.addEventListener("pointermove", (event) => {
    const index = indexAt(event);
    output.textContent = index === undefined ? "" : describe(index, codebook);
  });
  image.addEventListener("click", (event) => {
    const index = indexAt(event);
    const form = document.querySelector('form.search[data-codebook="' + codebook + '"]');
    if (index === undefined || form === null) return;
    form.elements.code.value = index;
    form.requestSubmit();
  });
}
`;
