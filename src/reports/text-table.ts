import Table, { type HorizontalAlignment } from "cli-table3";

/** A table for the terminal: columns two spaces apart, no lines, no colours. */
export function textTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  alignments: readonly HorizontalAlignment[],
): string {
  const table = new Table({
    head: [...head],
    colAligns: [...alignments],
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0 },
    chars: PLAIN,
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n");
}

const PLAIN = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: "  ",
};
