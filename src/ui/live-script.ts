import { pageScript } from "../drawing/index.js";

/**
 * The program of pages that follow something: it asks for the page's parts again and again and replaces those that have
 * changed. It waits the longer, the longer an answer took, so that watching costs little beside training.
 */
export const liveScript = `
"use strict";
const main = document.querySelector("[data-live]");
const connection = document.getElementById("connection");
const LEAST_WAIT = 2000, MOST_WAIT = 30000, PATIENCE = 10;
// As they came, before anything of the page's program changes them.
const shown = new Map();
for (const part of main.querySelectorAll(".part")) shown.set(part.id, part.outerHTML);
let text = "";
${pageScript}
const choicesOf = () => new Map(Array.from(main.querySelectorAll("input[type=checkbox]"), (input) => [input.value, input.checked]));
function keepChoices(before, after, chosen) {
  for (const input of after.querySelectorAll("input[type=checkbox]")) input.checked = chosen.get(input.value) ?? input.checked;
  const open = new Set(Array.from(before.querySelectorAll("details[open] > summary > b"), (title) => title.textContent));
  for (const title of after.querySelectorAll("details > summary > b")) title.closest("details").open = open.has(title.textContent);
  const positions = Array.from(before.querySelectorAll(".scroll"), (box) => box.scrollLeft);
  makeSortable(after);
  putInOrder(after, orderOf(before));
  return () => after.querySelectorAll(".scroll").forEach((box, i) => { box.scrollLeft = positions[i] ?? 0; });
}
function show(fresh) {
  if (fresh === text) return;
  text = fresh;
  const parts = new DOMParser().parseFromString(fresh, "text/html").querySelectorAll(".part");
  // Of the whole page: a run that ends moves to another part, and stays chosen.
  const chosen = choicesOf();
  for (const part of parts) {
    const before = document.getElementById(part.id);
    const html = part.outerHTML;
    if (before === null || shown.get(part.id) === html) continue;
    shown.set(part.id, html);
    const focused = before.contains(document.activeElement) ? document.activeElement : null;
    const scroll = keepChoices(before, part, chosen);
    before.replaceWith(part);
    scroll();
    if (focused !== null) {
      const same = (each) => each.tagName === focused.tagName && each.textContent === focused.textContent && each.value === focused.value && each.href === focused.href;
      Array.from(part.querySelectorAll(focused.tagName)).find(same)?.focus({ preventScroll: true });
    }
  }
  tellTimes();
}
function tell(message, isLost) {
  connection.textContent = message;
  connection.classList.toggle("lost", isLost);
}
async function refresh() {
  const started = performance.now();
  try {
    const answer = await fetch(main.dataset.live, { cache: "no-cache" });
    if (answer.ok) { show(await answer.text()); tell("live", false); }
    else tell(answer.status === 404 ? "gone" : "error " + answer.status, true);
  } catch { tell("no connection: is vqkit ui still running?", true); }
  return performance.now() - started;
}
async function follow() {
  for (;;) {
    const took = document.visibilityState === "visible" ? await refresh() : 0;
    await new Promise((next) => setTimeout(next, Math.min(MOST_WAIT, Math.max(LEAST_WAIT, PATIENCE * took))));
  }
}
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { style: "short" });
function tellTimes() {
  for (const time of document.querySelectorAll("time")) {
    const seconds = Math.max(0, (Date.now() - Date.parse(time.dateTime)) / 1000);
    const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? UNITS.at(-1);
    time.title ||= time.textContent;
    time.textContent = seconds < 5 ? "just now" : relative.format(-Math.floor(seconds / size), unit);
  }
}
tell("live", false);
tellTimes();
setInterval(tellTimes, 1000);
document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") void refresh(); });
void follow();
`;
