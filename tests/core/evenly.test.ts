import { expect, test } from "vitest";
import { evenlySpaced } from "../../src/core/evenly.js";

test("places are centred in parts of one length", () => {
  expect(evenlySpaced(10, 2)).toEqual([2, 7]); // ⌊0.5·10/2⌋, ⌊1.5·10/2⌋
  expect(evenlySpaced(7, 3)).toEqual([1, 3, 5]); // ⌊1.17⌋, ⌊3.5⌋, ⌊5.83⌋
  expect(evenlySpaced(4, 4)).toEqual([0, 1, 2, 3]);
  expect(evenlySpaced(5, 0)).toEqual([]);
});
