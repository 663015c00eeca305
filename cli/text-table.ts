import Table from "cli-table3";

/** Columns two spaces apart without frames, so that lines can be copied, searched and cut. */
export function textTable(rows: readonly (readonly string[])[]): string {
  const table = new Table({
    chars: FRAMELESS,
    style: { head: [], border: [], "padding-left": 0, "padding-right": 0, compact: true },
  });
  table.push(...rows.map((row) => [...row]));
  const lines = table.toString().split("\n");
  return lines.map((line) => line.trimEnd()).join("\n");
}

const FRAMELESS = {
  ...Object.fromEntries(
    ["top", "bottom", "left", "right", "mid"].flatMap((side) =>
      ["", "-mid", "-left", "-right"].map((part) => [`${side}${part}`, ""]),
    ),
  ),
  middle: "  ",
};
