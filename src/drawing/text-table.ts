import { createRequire } from "node:module";
import type { default as CliTable, HorizontalAlignment } from "cli-table3";

const require = createRequire(import.meta.url);

export interface TextTableOptions {
  /** A first row of names. */
  readonly head?: readonly string[];
  /** How each column stands; left by default. */
  readonly alignments?: readonly HorizontalAlignment[];
}

/** A table for the terminal: columns two spaces apart, no lines, no colours, so that it can be copied and searched. */
export function textTable(
  rows: readonly (readonly string[])[],
  { head = [], alignments = [] }: TextTableOptions = {},
): string {
  // Loaded here: most that imports vqkit prints no table.
  const Table = require("cli-table3") as typeof CliTable;
  const table = new Table({
    head: [...head],
    colAligns: [...alignments],
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
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
