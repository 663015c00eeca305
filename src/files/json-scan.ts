import { quoted } from "./file-errors.js";

export interface JsonLimits {
  /** How many brackets may be open at once. */
  readonly maxDepth: number;
  /** Refuse values that are neither text, lists nor integers >= 0. */
  readonly wholeNumbers?: boolean;
  /** Keys that no object may have. */
  readonly forbidden?: ReadonlySet<string>;
}

/**
 * What JSON.parse does not tell about a text: it keeps the last of two equal keys silently, turns `1.5e1` into an
 * integer, and takes any depth of nesting, on which later code would run out of stack.
 *
 * @param text JSON text; whether it is well-formed is left to JSON.parse
 * @returns what is wrong, or undefined
 */
export function scanJson(
  text: string,
  { maxDepth, wholeNumbers = false, forbidden }: JsonLimits,
): string | undefined {
  // Only these characters matter; lists of numbers are skipped at the speed of the regular expression.
  const structure = wholeNumbers ? /["{}[\]+\-.eE]/g : /["{}[\]]/g;
  const keys: (Set<string> | undefined)[] = []; // one for each open bracket; undefined in an array
  for (let match = structure.exec(text); match !== null; match = structure.exec(text)) {
    const { 0: character, index: at } = match;
    if (character === '"') {
      const end = stringEnd(text, at);
      if (end === undefined) return "expected JSON, got a string without an end.";
      const fault = isKey(text, end) ? addKey(keys.at(-1), text.slice(at, end), forbidden) : undefined;
      if (fault !== undefined) return fault;
      structure.lastIndex = end;
    } else if (character === "{" || character === "[") {
      keys.push(character === "{" ? new Set() : undefined);
      if (keys.length > maxDepth) return `expected at most ${maxDepth} levels of nesting, got more.`;
    } else if (character === "}" || character === "]") {
      keys.pop();
    } else {
      // It stands outside of strings only in fractions, exponents, signs, and true or false.
      return "expected only strings and integers >= 0 as values, got something else.";
    }
  }
  return undefined;
}

/** The position after a string's closing quote. */
function stringEnd(text: string, start: number): number | undefined {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text[at - 1 - backslashes] === "\\") backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
  return undefined;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && " \t\r\n".includes(text[at] as string)) at++;
  return text[at] === ":";
}

function addKey(
  keys: Set<string> | undefined,
  literal: string,
  forbidden: ReadonlySet<string> | undefined,
): string | undefined {
  if (keys === undefined) return "expected JSON, got a key outside an object.";
  let key = literal.slice(1, -1);
  if (key.includes("\\")) {
    try {
      key = JSON.parse(literal) as string; // "a" and "\u0061" are one key
    } catch {
      return "expected JSON, got a malformed string.";
    }
  }
  if (keys.has(key)) return `expected each key once, got ${quoted(key)} twice.`;
  if (forbidden?.has(key)) return `expected keys that name data, got ${quoted(key)}.`;
  keys.add(key);
  return undefined;
}
