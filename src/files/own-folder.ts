import { isObject } from "../core/objects.js";
import { decodeText } from "../core/text.js";
import { withReader } from "./bounded-reader.js";
import { isContent } from "./folder-content.js";
import { namesIn } from "./folder-names.js";

/** What a folder is that vqkit wrote; "pictures" are decoded images or charts. */
export type OwnFolderKind = "run" | "comparison" | "codes" | "pictures";

/** Marks a folder of pictures that vqkit wrote, which nothing else tells from pictures of a person's. */
export const PICTURES_MARK = ".vqkit.json";
const PICTURES_FORMAT = { format: "vqkit-pictures", formatVersion: 1 } as const;

/** The files by which folders are known, and the `format` that each has: a file of that name may be anyone's. */
const MARKS: readonly { readonly file: string; readonly format: string; readonly kind: OwnFolderKind }[] = [
  { file: "config.json", format: "vqkit-run", kind: "run" },
  { file: "manifest.json", format: "vqkit-codes", kind: "codes" },
  { file: ".progress.json", format: "vqkit-codes-progress", kind: "codes" },
  { file: "comparison.json", format: "vqkit-comparison", kind: "comparison" },
  { file: "comparison-plan.json", format: "vqkit-comparison-plan", kind: "comparison" },
  { file: PICTURES_MARK, format: PICTURES_FORMAT.format, kind: "pictures" },
];

/** The format stands near the beginning of a file, however long it is. */
const HEAD_BYTES = 65_536;

/**
 * What vqkit wrote a folder as, in whatever version; undefined for any other folder, and for one whose marks cannot be
 * read. Looks at a file only where it has the name of a mark.
 *
 * @param names the regular files in the folder, for callers that have them already
 */
export async function ownFolderKind(
  dir: string,
  names?: ReadonlySet<string>,
): Promise<OwnFolderKind | undefined> {
  const present = names ?? new Set(await namesIn(dir).catch(() => []));
  for (const { file, format, kind } of MARKS) {
    if (present.has(file) && (await formatOf(`${dir}/${file}`)) === format) return kind;
  }
  return undefined;
}

/** What the mark holds. */
export const PICTURES_MARK_TEXT = `${JSON.stringify(PICTURES_FORMAT)}\n`;

/**
 * Whether pictures that are written into a folder make it one of vqkit's own: where there is no folder yet, an empty one,
 * or one that is marked. A folder with files of a person's stays theirs.
 *
 * @throws VqkitError("file")
 */
export async function takesPicturesMark(dir: string): Promise<boolean> {
  const names = await namesIn(dir);
  return names.includes(PICTURES_MARK) || !names.some(isContent);
}

/** What a JSON file has under "format"; undefined where it has none, or cannot be read. */
async function formatOf(path: string): Promise<unknown> {
  try {
    const { text, isWhole } = await withReader(path, async (reader) => ({
      text: decodeText(await reader.read(0, Math.min(reader.size, HEAD_BYTES))),
      isWhole: reader.size <= HEAD_BYTES,
    }));
    if (!isWhole) return /^\s*\{\s*"format"\s*:\s*"([\w-]*)"/.exec(text)?.[1];
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value.format : undefined;
  } catch {
    // Whatever is wrong with it, it marks nothing.
    return undefined;
  }
}
