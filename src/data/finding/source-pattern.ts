import { createRequire } from "node:module";
import path from "node:path";
import { expand } from "brace-expansion";
import type { default as Picomatch } from "picomatch";
import { VqkitError } from "../../core/errors.js";
import type { Scope } from "./walk-folder.js";

const require = createRequire(import.meta.url);

/** What a pattern's braces may stand for; the largest published data sets have some ten thousand shards. */
const MAX_EXPANSIONS = 100_000;
const MAX_CHARACTERS = 20_000_000;

/** A source with wildcards. */
export interface SourcePattern {
  /** The folder that all matches lie in, as written; "" for the current one. */
  readonly base: string;
  readonly scope: Scope;
}

/** The part of `path` that tells how a system writes paths. */
export type PathStyle = Pick<typeof path, "sep">;

/**
 * What a source stands for, as in bash: braces first (`{a,b}`, `{1..12}`, `{001..100}`, steps, letters, nested ones), then
 * wildcards. On Windows, whose shells hand patterns on as they are, "\" stands between folders; elsewhere it takes the
 * meaning of the next character away.
 *
 * @returns names, in order, and patterns; one name for a source with neither braces nor wildcards
 * @throws VqkitError("data") for braces that stand for more than 100,000 names
 */
export function expandSource(
  source: string,
  { sep }: PathStyle = path,
): { readonly names: readonly string[]; readonly patterns: readonly SourcePattern[] } {
  const text = sep === "\\" ? source.replaceAll("\\", "/") : source;
  const names: string[] = [];
  const patterns: SourcePattern[] = [];
  for (const each of expandBraces(text, source)) {
    const parts = literalMarks(each).split("/");
    const first = parts.findIndex(hasWildcard);
    if (first < 0) names.push(unescaped(each));
    else patterns.push({ base: baseOf(parts.slice(0, first)), scope: scopeOf(parts.slice(first)) });
  }
  return { names, patterns };
}

/** Whether a source has braces or wildcards that stand for something else than themselves. */
export function isPattern({ names, patterns }: ReturnType<typeof expandSource>): boolean {
  return patterns.length > 0 || names.length > 1;
}

function expandBraces(text: string, source: string): readonly string[] {
  if (!text.includes("{")) return [text];
  // The library cuts off what is too much; asked for a bit more than is allowed, it shows that there is.
  const expanded = expand(text, { max: MAX_EXPANSIONS + 1, maxLength: 2 * MAX_CHARACTERS });
  const characters = expanded.reduce((sum, each) => sum + each.length, 0);
  if (expanded.length <= MAX_EXPANSIONS && characters <= MAX_CHARACTERS) return expanded;
  throw new VqkitError(
    "data",
    `${shortened(source)}: expected braces that stand for at most ${MAX_EXPANSIONS} names, got more. Use *, or several patterns.`,
  );
}

/**
 * Takes from marks the meaning that they have for picomatch and not for a shell: braces that are left, and parentheses
 * outside of `@(…)` and its like.
 */
function literalMarks(pattern: string): string {
  const marks = /[?*+@!]\(/.test(pattern) ? /\\.|[{}]/gsu : /\\.|[{}()]/gsu;
  return pattern.replace(marks, (mark) => (mark.startsWith("\\") ? mark : `\\${mark}`));
}

/** Whether a name between two "/" stands for others; a group may reach over several. */
function hasWildcard(part: string): boolean {
  return /[*?]|\[.+\]|[+@!]\(/su.test(part.replace(/\\./gsu, ""));
}

/** "" for the current folder, "/" for the root. */
function baseOf(parts: readonly string[]): string {
  const isRoot = parts.length > 0 && parts.every((part) => part === "");
  return isRoot ? "/" : unescaped(parts.join("/"));
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gsu, "$1");
}

const OPTIONS = { windows: false, posix: true, nobrace: true } as const;

/** What lies in the base and matches; only folders that can hold a match are entered. */
function scopeOf(given: readonly string[]): Scope {
  // A "!" at the beginning means something else to picomatch.
  const pattern = given.join("/").replace(/^!(?!\()/, "\\!");
  // A group may reach over several folders.
  const parts = /\([^)]*\//.test(pattern) ? ["**"] : pattern.split("/");
  // Loaded here: most sources are no patterns.
  const picomatch = require("picomatch") as typeof Picomatch;
  const matchers = parts.map((part) => (part === "**" ? undefined : picomatch(part, OPTIONS)));
  const namesHidden = parts.some((part) => part.startsWith("."));
  return {
    has: picomatch(pattern, OPTIONS),
    enters(folder) {
      for (const [i, name] of folder.split("/").entries()) {
        const matcher = matchers[i];
        if (i < parts.length && matcher === undefined) {
          // From "**" on, any folder may lead to a match, hidden ones only where the pattern names one.
          return (
            namesHidden ||
            folder
              .split("/")
              .slice(i)
              .every((each) => !each.startsWith("."))
          );
        }
        if (i >= parts.length - 1 || matcher?.(name) !== true) return false;
      }
      return true;
    },
  };
}

function shortened(text: string): string {
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
