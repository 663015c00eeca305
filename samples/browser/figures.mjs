/** What an image takes as a file, as pixels and as codes, and how long both ways took. */

/** Bytes for a reader: `960 B`, `25.4 kB`, `1.2 MB`. */
export function bytesText(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  const [value, unit] = bytes < 1e6 ? [bytes / 1000, "kB"] : [bytes / 1e6, "MB"];
  return `${value.toLocaleString("en-US", { maximumFractionDigits: value < 100 ? 1 : 0 })} ${unit}`;
}

/** Milliseconds for a reader. */
export function timeText(ms) {
  return ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/**
 * Sizes, as an image of three bytes a pixel and as indices of as few whole bits as hold them, which is what vqkit's
 * packed format takes.
 */
export function sizesOf({ width, height }, indices, codebookSize) {
  const pixels = 3 * width * height;
  const bits = Math.max(1, Math.ceil(Math.log2(codebookSize)));
  const codes = Math.ceil((indices.length * bits) / 8);
  return {
    pixels,
    codes,
    bits,
    bitsPerPixel: (indices.length * bits) / (width * height),
    ratio: pixels / codes,
  };
}

/** Writes figures into a list of terms: `[term, value, note]` each. */
export function showFigures(list, rows) {
  list.replaceChildren(
    ...rows.map(([term, value, note]) => {
      const group = document.createElement("div");
      for (const [tag, text] of [
        ["dt", term],
        ["dd", value],
        ["dd", note],
      ]) {
        const part = document.createElement(tag);
        part.textContent = text;
        group.append(part);
      }
      group.lastChild.className = "quiet";
      return group;
    }),
  );
}
