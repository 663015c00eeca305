import { describe, expect, test } from "vitest";
import { fieldsOf, isObject, valueAt } from "../../src/core/objects.js";

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
});
