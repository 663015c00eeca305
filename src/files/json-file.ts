import { VqkitError } from "../core/errors.js";
import { isObject } from "../core/objects.js";
import { decodeText } from "../core/text.js";
import { writeFileAtomic } from "./atomic-file.js";
import { readWhole } from "./bounded-reader.js";
import { formatError, quoted } from "./file-errors.js";
import { scanJson } from "./json-scan.js";

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

const MAX_BYTES = 256 * 2 ** 20;
/** No file of ours comes near this, and code that walks a value by recursion is safe below it. */
const MAX_DEPTH = 64;
/** Never the name of data, and the one key through which an assignment could reach what all objects share. */
const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(["__proto__"]);

/**
 * Writes a value as indented JSON, lists of numbers on one line, whole or not at all.
 *
 * @throws VqkitError("numerics") for NaN or an infinity, which JSON would turn into null; VqkitError("file")
 */
export async function writeJsonFile(path: string, value: unknown): Promise<void> {
  const text = toJson(value, path, 2);
  // A raw line break after "[" never stands inside a JSON string, so only lists match.
  const compact = text.replace(/\[\n[\s\d.,eE+-]*\]/g, (list) => list.replace(/\s+/g, ""));
  await writeFileAtomic(path, `${compact}\n`);
}

/**
 * Reads a JSON file of at most 256 MB; what it holds is for the caller to check. An editor may have saved it in UTF-16 or
 * with a byte order mark.
 *
 * @throws VqkitError("format") when it is not JSON; VqkitError("file")
 */
export async function readJsonFile(path: string): Promise<unknown> {
  const bytes = await readWhole(path, MAX_BYTES);
  return parseJsonText(() => decodeText(bytes, { strict: true }), path);
}

/** As `readJsonFile`, and the value is an object of the given `format` and `formatVersion`. */
export async function readFormattedFile(
  path: string,
  { format, formatVersion }: { readonly format: string; readonly formatVersion: number },
): Promise<Readonly<Record<string, unknown>>> {
  const value = await readJsonFile(path);
  if (!isObject(value)) throw formatError(path, `expected an object with "format": "${format}".`);
  if (value.format !== format) {
    throw formatError(path, `expected "format": "${format}", got ${quoted(value.format)}.`);
  }
  if (value.formatVersion !== formatVersion) {
    throw formatError(
      path,
      `expected formatVersion ${formatVersion}, got ${quoted(value.formatVersion)}. Another version of vqkit wrote it.`,
    );
  }
  return value;
}

/** JSON text. @throws VqkitError("numerics") for NaN or an infinity, naming its key */
export function toJson(value: unknown, where: string, indent?: number): string {
  const refuse = (key: string, part: unknown): unknown => {
    if (typeof part === "number" && !Number.isFinite(part)) {
      throw new VqkitError("numerics", `${where}: expected a finite number for "${key}", got ${part}.`);
    }
    return part;
  };
  const text = JSON.stringify(value, refuse, indent) as string | undefined;
  if (text === undefined) throw formatError(where, `expected a JSON value, got ${typeof value}.`);
  return text;
}

/**
 * Parses UTF-8 JSON.
 *
 * @throws VqkitError("format") when it is none, has a key twice or the key `__proto__`, or nests deeper than 64 levels
 */
export function parseJson(bytes: Uint8Array, where: string): unknown {
  return parseJsonText(() => new TextDecoder("utf-8", { fatal: true }).decode(bytes), where);
}

function parseJsonText(decode: () => string, where: string): unknown {
  let text: string;
  let value: unknown;
  try {
    text = decode();
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/\s+/g, " ").slice(0, 200) : String(error);
    throw formatError(where, `expected JSON in UTF-8: ${reason}.`);
  }
  const fault = scanJson(text, { maxDepth: MAX_DEPTH, forbidden: FORBIDDEN_KEYS });
  if (fault !== undefined) throw formatError(where, fault);
  return value;
}
