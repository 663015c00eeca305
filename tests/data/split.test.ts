import { describe, expect, it } from "vitest";
import { splitFiles } from "../../src/data/split.js";

const names = (count: number) =>
  Array.from({ length: count }, (_, i) => `image${String(i).padStart(3, "0")}.png`);

describe("splitFiles", () => {
  it("divides the files into two disjoint, ordered parts", () => {
    const files = names(50);
    const { train, heldOut } = splitFiles(files, 0.3, 7);
    expect(heldOut).toHaveLength(15);
    expect([...train, ...heldOut].sort()).toEqual(files);
    expect([...train].sort()).toEqual(train);
    expect([...heldOut].sort()).toEqual(heldOut);
  });

  it("goes by the seed", () => {
    const files = names(50);
    expect(splitFiles(files, 0.3, 7)).toEqual(splitFiles(files, 0.3, 7));
    expect(splitFiles(files, 0.3, 8).heldOut).not.toEqual(splitFiles(files, 0.3, 7).heldOut);
    // Not simply one end of the list.
    expect(splitFiles(files, 0.3, 7).heldOut).not.toEqual(files.slice(35));
  });

  it.each([
    // files, fraction, held out
    [1, 0.5, 0],
    [2, 0.01, 1],
    [2, 0.99, 1],
    [3, 0.99, 2],
    [10, 0, 0],
    [10, 0.04, 1],
    [10, 0.26, 3],
  ])("of %i files with fraction %f keeps %i back", (count, fraction, expected) => {
    const { train, heldOut } = splitFiles(names(count), fraction, 0);
    expect([train.length, heldOut.length]).toEqual([count - expected, expected]);
  });
});
