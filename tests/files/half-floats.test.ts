import { describe, expect, it } from "vitest";
import { floatsOf } from "../../src/files/index.js";

const f16 = (...bits: number[]) =>
  floatsOf({ dtype: "F16", shape: [bits.length], data: Uint16Array.from(bits) }) as Float32Array;
const bf16 = (...bits: number[]) =>
  floatsOf({ dtype: "BF16", shape: [bits.length], data: Uint16Array.from(bits) }) as Float32Array;

describe("F16", () => {
  // From IEEE 754's examples of binary16.
  it.each([
    [0x0000, 0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x3555, 0.333251953125],
    [0x3bff, 1 - 2 ** -11],
    [0x3c00, 1],
    [0x3c01, 1 + 2 ** -10],
    [0x7bff, 65504],
    [0x7c00, Number.POSITIVE_INFINITY],
    [0x8000, -0],
    [0xc000, -2],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
    [0xfc01, Number.NaN],
  ])("reads %i as %d", (bits, value) => {
    expect(f16(bits)[0]).toBe(value);
  });

  it("grows with its bits, and has the same numbers below zero", () => {
    const positive = f16(...Array(0x7c01).keys());
    for (let i = 1; i < positive.length; i++) {
      expect((positive[i] as number) > (positive[i - 1] as number)).toBe(true);
    }
    const negative = f16(...Array.from({ length: 0x7c01 }, (_, i) => 0x8000 + i));
    expect(negative).toEqual(positive.map((value) => -value));
  });
});

describe("BF16", () => {
  it.each([
    [0x0000, 0],
    [0x3f80, 1],
    [0x3f81, 1 + 2 ** -7],
    [0x4049, 3.140625], // the upper half of π's float32, 0x40490fdb
    [0xc2f7, -123.5],
    [0x0001, 2 ** -133],
    [0x7f80, Number.POSITIVE_INFINITY],
    [0x7fc0, Number.NaN],
  ])("reads %i as %d", (bits, value) => {
    expect(bf16(bits)[0]).toBe(value);
  });
});

it("F64 is rounded, F32 is the array itself, and integers are no floating-point numbers", () => {
  const data = Float32Array.of(1.5, -2);
  expect(floatsOf({ dtype: "F32", shape: [2], data })).toBe(data);
  expect(floatsOf({ dtype: "F64", shape: [1], data: Float64Array.of(0.1) })).toEqual(Float32Array.of(0.1));
  expect(floatsOf({ dtype: "U16", shape: [1], data: Uint16Array.of(0x3c00) })).toBeUndefined();
  expect(floatsOf({ dtype: "BOOL", shape: [1], data: Uint8Array.of(1) })).toBeUndefined();
});
