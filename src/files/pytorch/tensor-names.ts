import { formatError } from "../file-errors.js";
import { PickleDict, PickleObject, PickleTuple, type PickleValue } from "./pickle-values.js";
import { TensorView } from "./tensor-view.js";

/** What a pickle holds, flat: tensors by name, and what cannot be read of it. */
export interface NamedTensors {
  /** Names are the keys, indices and attributes on the way, with dots between. */
  readonly tensors: ReadonlyMap<string, TensorView>;
  /** By name, the class or function that would have to be called. */
  readonly unreadable: ReadonlyMap<string, string>;
}

/** A checkpoint with its optimizer's state has some ten thousand. */
const MAX_VALUES = 2 ** 18;
const MAX_DEPTH = 64;
const MAX_NAME = 1024;

/**
 * Collects the tensors of a pickle's value. One that stands in several places has several names.
 *
 * @throws VqkitError("format") for more than 2^18 values, which shared parts can stand for, or 64 levels
 */
export function namedTensors(value: PickleValue, where: string): NamedTensors {
  const tensors = new Map<string, TensorView>();
  const unreadable = new Map<string, string>();
  let count = 0;
  const visit = (at: PickleValue, name: string, depth: number): void => {
    if (++count > MAX_VALUES || depth > MAX_DEPTH || name.length > MAX_NAME) {
      throw formatError(where, `expected at most ${MAX_VALUES} values in ${MAX_DEPTH} levels, got more.`);
    }
    if (at instanceof TensorView) {
      tensors.set(name, at);
      return;
    }
    if (at instanceof PickleObject) unreadable.set(name, at.name);
    for (const [key, part] of partsOf(at)) {
      if (typeof part === "object" && part !== null) visit(part, joined(name, key), depth + 1);
    }
  };
  visit(value, "", 0);
  return { tensors, unreadable };
}

function* partsOf(value: PickleValue): Iterable<readonly [string, PickleValue]> {
  if (value instanceof PickleDict) yield* named(value.entries);
  else if (Array.isArray(value)) yield* indexed(value);
  else if (value instanceof PickleTuple) yield* indexed(value.items);
  else if (value instanceof PickleObject) {
    yield* named(value.entries);
    yield* indexed(value.items);
    yield* attributesOf(value.state);
  }
}

/** Those of a pickled module are its parameters, buffers and parts; a module of TorchScript has them as attributes. */
function* attributesOf(state: PickleValue | undefined): Iterable<readonly [string, PickleValue]> {
  if (!(state instanceof PickleDict)) return;
  for (const [key, value] of named(state.entries)) {
    const isContainer = ["_parameters", "_buffers", "_modules"].includes(key);
    if (isContainer && value instanceof PickleDict) yield* named(value.entries);
    else yield [key, value];
  }
}

function* named(entries: ReadonlyMap<PickleValue, PickleValue>): Iterable<readonly [string, PickleValue]> {
  for (const [key, value] of entries) {
    if (typeof key === "string" || typeof key === "number") yield [String(key), value];
  }
}

function* indexed(items: readonly PickleValue[]): Iterable<readonly [string, PickleValue]> {
  for (const [i, item] of items.entries()) yield [String(i), item];
}

function joined(name: string, key: string): string {
  return name === "" ? key : `${name}.${key}`;
}
