/** What a reader would trip over on a page. */
export interface Faults {
  /** Text whose contrast with what lies behind it is under 4.5 : 1. */
  readonly pale: readonly string[];
  /** Labels of one drawing that lie on each other. */
  readonly overlapping: readonly string[];
  /** Labels that leave their drawing. */
  readonly cut: readonly string[];
}

/** Runs in a browser: looks at all text that can be seen. Text, because a page's policy forbids to compile functions. */
export const faultsOf = `(() => {
  const faults = { pale: [], overlapping: [], cut: [] };
  const numbers = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((value) => { const part = value / 255; return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      const [, , , alpha = 1] = numbers(colour);
      if (alpha > 0.99 && colour !== "transparent") return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const contrast = (a, b) => { const [x, y] = [light(a), light(b)]; return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node !== null; node = texts.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === "" || element.closest("script, style, option, title") !== null) continue;
    if (!element.checkVisibility() || element.getClientRects().length === 0 || element.closest(":disabled") !== null) continue;
    const style = getComputedStyle(element);
    const colour = element.closest("svg") === null ? style.color : style.fill;
    if (!/^rgb/.test(colour)) continue;
    const ratio = contrast(colour, behind(element));
    if (ratio < 4.5) faults.pale.push(node.data.trim().slice(0, 40) + ": " + ratio.toFixed(2));
  }
  const overlap = (a, b) => Math.min(a.right, b.right) - Math.max(a.left, b.left) > 1 && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 3;
  for (const svg of document.querySelectorAll("svg.chart")) {
    const frame = svg.getBoundingClientRect();
    if (frame.width === 0) continue;
    const labels = [...svg.querySelectorAll("text")].filter((label) => label.textContent.trim() !== "")
      .map((label) => ({ text: label.textContent.trim(), box: label.getBoundingClientRect() }));
    const title = svg.getAttribute("aria-label") + ": ";
    for (const [i, { text, box }] of labels.entries()) {
      if (box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) faults.cut.push(title + text);
      for (const other of labels.slice(i + 1)) if (overlap(box, other.box)) faults.overlapping.push(title + text + " and " + other.text);
    }
  }
  return faults;
})()`;
