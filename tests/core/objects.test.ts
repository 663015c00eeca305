import { describe, expect, test } from "vitest";
import { ConfigError } from "../../src/core/errors.js";
import { fieldsOf, isObject, textsIn, valueAt, withTexts, withValue } from "../../src/core/objects.js";

describe("objects", () => {
  test("lists, null and plain values are none", () => {
    expect([{}, { a: 1 }, Object.create(null)].map(isObject)).toEqual([true, true, true]);
    expect([[], null, undefined, "a", 3].map(isObject)).toEqual([false, false, false, false, false]);
    expect(fieldsOf([1, 2])).toEqual({});
    expect(fieldsOf({ a: 1 })).toEqual({ a: 1 });
  });

  test("a dotted path leads through own fields only", () => {
    const config = { quantizer: { kind: "fsq", levels: [8, 5] }, steps: 3 };
    expect(valueAt(config, "quantizer.kind")).toBe("fsq");
    expect(valueAt(config, "quantizer.levels")).toEqual([8, 5]);
    expect(valueAt(config, "quantizer.levels.0")).toBeUndefined();
    expect(valueAt(config, "steps.more")).toBeUndefined();
    expect(valueAt(config, "quantizer.constructor")).toBeUndefined();
  });

  test("withValue sets a nested value in a copy", () => {
    const before = { model: { preset: "tiny" }, steps: 3 };
    const after = withValue(before, "model.groupNorm", true);
    expect(after).toEqual({ model: { preset: "tiny", groupNorm: true }, steps: 3 });
    expect(before).toEqual({ model: { preset: "tiny" }, steps: 3 });
    expect(valueAt(after, "model.groupNorm")).toBe(true);
    expect(valueAt(after, "steps.more")).toBeUndefined();
  });

  test("withValue replaces what has no fields, and takes no name of a prototype", () => {
    expect(withValue({ quantizer: "fsq" }, "quantizer.kind", "vq")).toEqual({ quantizer: { kind: "vq" } });
    expect(withValue({}, "toString.length", 2)).toEqual({ toString: { length: 2 } });
    expect(() => withValue({}, "a.__proto__.b", 1)).toThrow(ConfigError);
  });

  test("texts are found and replaced at any depth, names of fields are not", () => {
    const value = { a: "x", x: [1, "y", { b: "x", c: null }] };
    expect(textsIn(value)).toEqual(["x", "y", "x"]);
    expect(withTexts(value, new Map([["x", "z"]]))).toEqual({ a: "z", x: [1, "y", { b: "z", c: null }] });
    expect(value.a).toBe("x");
  });
});
