import { BackendError } from "../../backend/index.js";
import { ConfigError, ShapeError, VqkitError } from "../../core/errors.js";
import { OversizeError } from "../../core/oversize.js";
import { ImageError } from "../../data/index.js";

/** An error as plain data: threads hand each other copies, which lose their class and most of their fields. */
export interface Thrown {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  /** What the error says of itself besides, such as `code` and `path`. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly cause: Thrown | undefined;
}

/** By their names, which they carry; the built-in ones too. */
const CLASSES: ReadonlyMap<string, { readonly prototype: Error }> = new Map(
  [
    VqkitError,
    ConfigError,
    ShapeError,
    OversizeError,
    ImageError,
    BackendError,
    TypeError,
    RangeError,
    ReferenceError,
    SyntaxError,
  ].map((each) => [each.name, each]),
);

/** Causes deeper than this are left out. */
const DEEPEST = 8;

/** What was thrown, as plain data. */
export function thrownOf(error: unknown, depth = 0): Thrown {
  if (!(error instanceof Error)) {
    return { name: "Error", message: String(error), stack: undefined, fields: {}, cause: undefined };
  }
  const { name, message, stack, cause } = error;
  const fields = Object.fromEntries(
    Object.entries(error).filter(([key, value]) => key !== "cause" && isPlain(value)),
  );
  const deeper = cause !== undefined && depth < DEEPEST;
  return { name, message, stack, fields, cause: deeper ? thrownOf(cause, depth + 1) : undefined };
}

/**
 * The error again, of its class, with its fields and the stack of the thread that raised it. A class that is not known
 * here leaves its name.
 */
export function errorOf({ name, message, stack, fields, cause }: Thrown): Error {
  const error = new Error(message, cause === undefined ? {} : { cause: errorOf(cause) });
  const known = CLASSES.get(name);
  if (known === undefined) hide(error, "name", name);
  else Object.setPrototypeOf(error, known.prototype);
  if (stack !== undefined) hide(error, "stack", stack);
  return Object.assign(error, fields);
}

function hide(error: Error, key: "name" | "stack", value: string): void {
  Object.defineProperty(error, key, { value, configurable: true, writable: true, enumerable: false });
}

function isPlain(value: unknown): boolean {
  return ["string", "number", "boolean"].includes(typeof value) || value === null;
}
