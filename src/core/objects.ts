import { ConfigError } from "./errors.js";

/** A JSON object, or anything else that is neither a list nor null and may have fields. */
export type PlainObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is PlainObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value itself where it is an object, else one without fields. */
export function fieldsOf(value: unknown): PlainObject {
  return isObject(value) ? value : {};
}

/** The fields that have a value. */
export function withoutUndefined<T extends object>(
  object: T,
): { readonly [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { readonly [K in keyof T]?: Exclude<T[K], undefined> };
}

/** The value at a dotted path, as `quantizer.gradient`; undefined where there is none. */
export function valueAt(object: PlainObject, dotted: string): unknown {
  let at: unknown = object;
  for (const key of dotted.split(".")) at = isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined;
  return at;
}

/**
 * A copy with `value` at a dotted path; what stands on the way is copied, and is replaced where it has no fields.
 *
 * @throws ConfigError for `__proto__`, which is no name of a setting
 */
export function withValue(object: PlainObject, dotted: string, value: unknown): PlainObject {
  const [key = "", ...rest] = dotted.split(".");
  if (key === "__proto__") throw new ConfigError(dotted, "expected the name of a setting.");
  if (rest.length === 0) return { ...object, [key]: value };
  const inner = Object.hasOwn(object, key) ? object[key] : undefined;
  return { ...object, [key]: withValue(fieldsOf(inner), rest.join("."), value) };
}
