import type { z } from "zod";
import { ConfigError } from "./errors.js";
import { didYouMean } from "./suggest.js";

/**
 * Parses an untrusted value with a zod schema and returns the typed result with every default filled in.
 *
 * @param where names the value in messages, e.g. `quantizer`; "" at the root of a config file.
 * @throws ConfigError for the first problem found; its `path` is the offending field.
 */
export function parseConfig<S extends z.ZodType>(schema: S, value: unknown, where: string): z.output<S> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const issue = withInteger(deepest(result.error.issues), schema);
  const path = joinPath(where, issue.path);
  throw new ConfigError(path, describe(issue, knownKeys(schema, issue.path)));
}

/** `quantizer`, ["levels", 1] → `quantizer.levels[1]`. */
export function joinPath(where: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((at, key) => {
    if (typeof key === "number") return `${at}[${key}]`;
    return at === "" ? String(key) : `${at}.${String(key)}`;
  }, where);
}

type Issue = z.core.$ZodIssue;

/** Unions hide the useful message in their branches; take the branch that got furthest. */
function deepest(issues: readonly Issue[]): Issue {
  const first = issues[0];
  if (first === undefined) throw new TypeError("a failed parse has at least one issue");
  if (first.code !== "invalid_union" || first.errors.length === 0) return first;
  const branches = first.errors.filter((branch) => branch.length > 0).map((branch) => deepest(branch));
  const best = branches.sort((a, b) => b.path.length - a.path.length)[0];
  if (best === undefined || best.path.length === 0) return first;
  return { ...best, path: [...first.path, ...best.path] };
}

/** zod reports a bound on an integer as one on a number; the schema knows better. */
function withInteger(issue: Issue, schema: z.ZodType): Issue {
  if (issue.code !== "too_small" && issue.code !== "too_big") return issue;
  const { isInt = false } = schemaAt(schema, issue.path) as { isInt?: boolean };
  return isInt ? { ...issue, origin: "int" } : issue;
}

function describe(issue: Issue, known: readonly string[]): string {
  switch (issue.code) {
    case "unrecognized_keys": {
      const key = issue.keys[0] ?? "";
      const list = known.length > 0 ? ` Known: ${[...known].sort().join(", ")}.` : "";
      return `unknown key ${show(key)}.${list}${didYouMean(key, known)}`;
    }
    case "invalid_value": {
      const values = issue.values.map(String);
      return `expected ${values.map((v) => `"${v}"`).join(" or ")}, got ${show(issue.input)}.${typeof issue.input === "string" ? didYouMean(issue.input, values) : ""}`;
    }
    case "invalid_type":
      return `expected ${issue.expected === "int" ? "an integer" : article(issue.expected)}, got ${show(issue.input)}.`;
    case "too_small":
      return `expected ${bound(issue.origin, issue.inclusive ? ">=" : ">", Number(issue.minimum))}, got ${show(issue.input)}.`;
    case "too_big":
      return `expected ${bound(issue.origin, issue.inclusive ? "<=" : "<", Number(issue.maximum))}, got ${show(issue.input)}.`;
    case "custom":
      return issue.message;
    default:
      return `${issue.message}, got ${show(issue.input)}.`;
  }
}

function bound(origin: string, relation: string, limit: number): string {
  if (origin === "array") return `${relation} ${limit} items`;
  if (origin === "string") return `${relation} ${limit} characters`;
  return `${origin === "int" ? "an integer" : "a number"} ${relation} ${limit}`;
}

function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

/** The keys that a strict object at `path` would have accepted, for suggestions. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  const { shape = {} } = schemaAt(schema, path) as { shape?: Record<string, unknown> };
  return Object.keys(shape);
}

/** The schema of the value at `path`; an empty object where a union or the like hides it. */
function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): object {
  let at: unknown = schema;
  for (const key of path) at = child(unwrap(at), key);
  return (unwrap(at) as object | undefined) ?? {};
}

function child(schema: unknown, key: PropertyKey): unknown {
  const s = schema as { shape?: Record<string, unknown>; element?: unknown } | undefined;
  return typeof key === "number" ? s?.element : s?.shape?.[String(key)];
}

/** Steps through default, optional, nullable, pipe and the like to the schema inside. */
function unwrap(schema: unknown): unknown {
  let at = schema as { def?: { innerType?: unknown; in?: unknown } } | undefined;
  while (at?.def !== undefined && (at.def.innerType !== undefined || at.def.in !== undefined)) {
    at = (at.def.innerType ?? at.def.in) as typeof at;
  }
  return at;
}
