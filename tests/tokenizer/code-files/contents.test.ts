import { expect, it } from "vitest";
import { checkGrids, checkSameContents, GridCounts } from "../../../src/tokenizer/code-files/contents.js";
import { fingerprint } from "./arbitrary.js";

const low = { gridHeight: 2, gridWidth: 3, entries: 4 };
const high = { gridHeight: 5, gridWidth: 1, entries: 1 };

it("GridCounts adds up each grid, in the order in which they first occur, and continues from what it had", () => {
  const counts = new GridCounts([high]);
  for (const grid of [low, high, low]) counts.add(grid);
  expect(counts.grids()).toEqual([
    { ...high, entries: 2 },
    { ...low, entries: 8 },
  ]);
  expect(high.entries).toBe(1);
});

it("checkGrids refuses a grid that comes twice, and a sum that is not the number of entries", () => {
  checkGrids({ grids: [low, high], entries: 5 });
  expect(() => checkGrids({ grids: [low, high, low], entries: 9 })).toThrow("grids[2]: expected 2×3 once");
  expect(() => checkGrids({ grids: [low, high], entries: 6 })).toThrow("entries: expected 5, as the grids");
});

it.each([
  ["fingerprint", "f".repeat(64)],
  ["codebookSize", 14],
  ["numCodebooks", 2],
  ["entries", 3],
] as const)("checkSameContents names %s where file and manifest differ", (field, value) => {
  const found = {
    fingerprint,
    codebookSize: 13,
    numCodebooks: 1,
    entries: 4,
    grids: [low],
    files: [],
    settings: {},
  };
  checkSameContents("codes.vqc", { found, expected: { ...found, settings: { size: 3 } } });
  expect(() => checkSameContents("codes.vqc", { found, expected: { ...found, [field]: value } })).toThrow(
    `codes.vqc: expected ${field} ${value} as in the manifest, got ${found[field]}.`,
  );
});
