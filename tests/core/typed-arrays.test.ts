import { expect, test } from "vitest";
import { checkBytes, joinArrays, typeName } from "../../src/core/typed-arrays.js";

test("joinArrays copies all parts in order into the array it is given room for", () => {
  const first = Uint16Array.of(3, 65_535);
  const all = joinArrays([first, Uint16Array.of(), Uint16Array.of(7)], (length) => new Uint16Array(length));
  expect(all).toEqual(Uint16Array.of(3, 65_535, 7));
  first[0] = 9;
  expect(all[0]).toBe(3);
});

test("joinArrays of nothing is empty, and the type is the caller's", () => {
  expect(joinArrays([], (length) => new Float32Array(length))).toEqual(new Float32Array(0));
  const wide = joinArrays([Uint16Array.of(1), Uint32Array.of(2 ** 20)], (length) => new Uint32Array(length));
  expect(wide).toEqual(Uint32Array.of(1, 2 ** 20));
});

test("checkBytes takes bytes only, and names what it got", () => {
  for (const bytes of [new Uint8Array(2), Buffer.from("a"), new Uint8ClampedArray(1)]) checkBytes(bytes, "x");
  const fault = { code: "data", message: "x.pixels: expected bytes (a Uint8Array), got Float32Array." };
  expect(() => checkBytes(new Float32Array(1), "x.pixels")).toThrow(expect.objectContaining(fault));
  const names = [undefined, null, 3, [], Object.create(null), new Map()].map(typeName);
  expect(names).toEqual(["nothing", "null", "number", "Array", "object", "Map"]);
});
