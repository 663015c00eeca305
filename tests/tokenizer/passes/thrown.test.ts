import { expect, it } from "vitest";
import { BackendError } from "../../../src/backend/index.js";
import { ConfigError, ShapeError, VqkitError } from "../../../src/core/errors.js";
import { OversizeError } from "../../../src/core/oversize.js";
import { ImageError } from "../../../src/data/index.js";
import { errorOf, thrownOf } from "../../../src/tokenizer/passes/thrown.js";

/** As from one thread to another: no class survives that. */
function across(error: unknown): Error {
  return errorOf(structuredClone(thrownOf(error)));
}

it.each([
  new VqkitError("numerics", "NaN at element 3."),
  new ConfigError("quantizer.kind", "unknown"),
  new ShapeError("images", "[N,H,W,3]", [1, 2]),
  new OversizeError("size", "Too large.", { enlargement: 2.5, bytesNeeded: null }),
  new ImageError("a.png", "an empty file"),
  new BackendError("not-repeatable", "changed"),
  new RangeError("too far"),
  new Error("plain"),
])("$name keeps its class, code and fields", (error) => {
  const copy = across(error);
  expect(copy.constructor).toBe(error.constructor);
  expect(String(copy)).toBe(String(error));
  expect({ ...copy }).toEqual({ ...error });
  expect(copy.stack).toBe(error.stack);
});

it("keeps causes, names of classes that are unknown here, and what is no error", () => {
  class OwnError extends Error {
    override name = "OwnError";
    readonly code = 7;
  }
  const copy = across(new VqkitError("engine", "outer", { cause: new OwnError("inner") }));
  expect(copy).toBeInstanceOf(VqkitError);
  expect(copy.cause).toMatchObject({ name: "OwnError", message: "inner", code: 7 });
  expect(across("just text").message).toBe("just text");
});

it("ends where an error is its own cause", () => {
  const error = new Error("round");
  error.cause = error;
  expect(across(error).message).toBe("round");
});
