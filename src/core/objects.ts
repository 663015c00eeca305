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

/** A copy of a value of JSON in which texts, at any depth, are replaced by those that they are mapped to. */
export function withTexts<T>(value: T, texts: ReadonlyMap<string, string>): T {
  const replaced = (each: unknown): unknown => {
    if (typeof each === "string") return texts.get(each) ?? each;
    if (Array.isArray(each)) return each.map(replaced);
    if (!isObject(each)) return each;
    return Object.fromEntries(Object.entries(each).map(([key, inner]) => [key, replaced(inner)]));
  };
  return texts.size === 0 ? value : (replaced(value) as T);
}

/** All texts in a value of JSON, at any depth, in order. */
export function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value)) return value.flatMap(textsIn);
  return isObject(value) ? Object.values(value).flatMap(textsIn) : [];
}
