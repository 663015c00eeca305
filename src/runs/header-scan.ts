import { quoted } from "./file-errors.js";

/**
 * What JSON.parse does not tell about a header: it keeps the last of two equal keys silently, turns `1.5e1` into an
 * integer, and takes any depth of nesting.
 *
 * @param text JSON text; whether it is well-formed is left to JSON.parse
 * @param maxDepth how many brackets may be open at once
 * @returns what is wrong, or undefined
 */
export function scanHeader(text: string, maxDepth: number): string | undefined {
  const keys: (Set<string> | undefined)[] = []; // one for each open bracket; undefined in an array
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      const end = stringEnd(text, at);
      if (end === undefined) return "expected JSON, got a string without an end.";
      const fault = isKey(text, end) ? addKey(keys.at(-1), text.slice(at, end)) : undefined;
      if (fault !== undefined) return fault;
      at = end - 1;
    } else if (character === "{" || character === "[") {
      keys.push(character === "{" ? new Set() : undefined);
      if (keys.length > maxDepth) return `expected at most ${maxDepth} levels of nesting, got more.`;
    } else if (character === "}" || character === "]") {
      keys.pop();
    } else if (character !== undefined && NO_INTEGER.has(character)) {
      return "expected only strings and integers >= 0 as values, got something else.";
    }
  }
  return undefined;
}

/** Characters that stand outside strings only in fractions, exponents, signs, and true or false. */
const NO_INTEGER: ReadonlySet<string> = new Set("+-.eE");

/** The position after a string's closing quote. */
function stringEnd(text: string, start: number): number | undefined {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return undefined;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (at < text.length && " \t\r\n".includes(text[at] as string)) at++;
  return text[at] === ":";
}

function addKey(keys: Set<string> | undefined, literal: string): string | undefined {
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
  keys.add(key);
  return undefined;
}
