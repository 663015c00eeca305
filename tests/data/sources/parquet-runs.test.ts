import { describe, expect, it } from "vitest";
import { Runs } from "../../../src/data/sources/parquet-runs.js";

const runs = (bytes: number[], width: number, count: number) => {
  const values = new Runs(Uint8Array.from(bytes), { width, count });
  return Array.from({ length: count }, (_, i) => values.at(i));
};

describe("Runs", () => {
  it("unpacks the example of the format's documentation", () => {
    // 0 to 7 in 3 bits each: 10001000 11000110 11111010. The header is 1 group of 8, packed.
    expect(runs([0b11, 0b10001000, 0b11000110, 0b11111010], 3, 8)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it("repeats, in values of several bytes, and mixes both forms", () => {
    // 300 times 0x0201 in 9 bits (header 600 = 0xd8 0x04), then 1 packed group of which 2 values count.
    const values = runs([0xd8, 0x04, 0x01, 0x01, 0b11, 0b10, 0b10, 0, 0, 0, 0, 0, 0, 0], 9, 302);
    expect(values).toEqual([...Array(300).fill(0x101), 2, 1]);
  });

  it("takes the largest values, and a packed run without its filling", () => {
    expect(runs([2, 0xff, 0xff, 0xff, 0xff], 32, 1)).toEqual([0xffffffff]);
    expect(runs([0b11, 0b101], 1, 3)).toEqual([1, 0, 1]);
    expect(runs([8], 0, 4)).toEqual([0, 0, 0, 0]);
  });

  it.each<[string, number[], number, number]>([
    ["nothing", [], 1, 1],
    ["a header without its value", [4], 1, 2],
    ["a run longer than the rest", [0xff, 0xff, 0xff, 0xff, 0x0e, 1], 1, 100],
    ["packed groups longer than the rest", [0b111, 1, 1], 1, 8],
    ["an empty run", [0, 1, 0, 1], 1, 2],
    ["a header without end", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 1, 2],
    ["packed values beyond the end", [0b11, 0xff], 2, 8],
    ["values of too many bits", [2, 1], 33, 1],
  ])("refuses %s", (_, bytes, width, count) => {
    expect(() => runs(bytes, width, count)).toThrow(/run|bits/);
  });
});

describe("Runs, out of order,", () => {
  // 5 times 2, packed 1 0 3 2 1 0 3 2, 3 times 1; two bits a value.
  const bytes = Uint8Array.of(10, 2, 0b11, 0b10110001, 0b10110001, 6, 1);
  const values = [2, 2, 2, 2, 2, 1, 0, 3, 2, 1, 0, 3, 2, 1, 1, 1];

  it("finds any value", () => {
    const reader = new Runs(bytes, { width: 2, count: 16 });
    for (const at of [15, 0, 7, 6, 12, 4, 5, 13]) expect(reader.at(at)).toBe(values[at]);
    expect(() => reader.at(16)).toThrow("value 16 of 16");
    expect(() => reader.at(-1)).toThrow("value -1 of 16");
  });

  it("counts what is wanted between two places", () => {
    const reader = new Runs(bytes, { width: 2, count: 16 });
    expect([reader.countOf(2, 0, 16), reader.countOf(2, 3, 9), reader.countOf(1, 9, 9)]).toEqual([7, 3, 0]);
  });

  it("takes no memory for two thousand million values of one run", () => {
    // 2^31 - 1 values of one bit: header 2^32 - 2.
    const many = new Runs(Uint8Array.of(0xfe, 0xff, 0xff, 0xff, 0x0f, 1), { width: 1, count: 2 ** 31 - 1 });
    expect(many.at(2 ** 31 - 2)).toBe(1);
    expect(many.countOf(1, 5, 2 ** 31 - 1)).toBe(2 ** 31 - 6);
  });
});
