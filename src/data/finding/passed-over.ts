import path from "node:path";
import type { OwnFolderKind } from "../../files/index.js";

/** Why something in a folder is passed over: by its ending no image, not followed, no file, or of vqkit's own making. */
export type PassedReason = "file" | "link" | "device" | "output" | OwnFolderKind;

/** A folder that is passed over as a whole, or of which vqkit's own files are. */
export interface PassedFolder {
  readonly folder: string;
  /** What vqkit wrote there; "output" for the folder that a command is to write. */
  readonly kind: OwnFolderKind | "output";
}

/** What was found and is no image, hidden names and what lies in hidden folders apart. */
export interface PassedOver {
  /** Files that hold no images by their names. */
  readonly files: number;
  /** The same by ending in lower case (`.bmp`; "" without one), the most frequent first. */
  readonly endings: Readonly<Record<string, number>>;
  /** Symbolic links that are not called like images. */
  readonly links: number;
  /** Devices, pipes and sockets that are not called like images. */
  readonly devices: number;
  /** Sorted by name. */
  readonly folders: readonly PassedFolder[];
}

/** @param entries absolute paths, each once */
export function countPassedOver(entries: ReadonlyMap<string, PassedReason>): PassedOver {
  const endings = new Map<string, number>();
  const folders: PassedFolder[] = [];
  const counts = { file: 0, link: 0, device: 0 };
  for (const [name, reason] of entries) {
    if (reason === "file") {
      const ending = endingOf(name);
      endings.set(ending, (endings.get(ending) ?? 0) + 1);
    }
    if (reason === "file" || reason === "link" || reason === "device") counts[reason]++;
    else folders.push({ folder: name, kind: reason });
  }
  const sorted = [...endings].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return {
    files: counts.file,
    endings: Object.fromEntries(sorted),
    links: counts.link,
    devices: counts.device,
    folders: folders.sort((a, b) => (a.folder < b.folder ? -1 : 1)),
  };
}

/** What follows the last dot is an ending only where it looks like one: "Dr. Smith's notes" has none. */
const ENDING = /(?:\.tar)?\.[^\s./\\]{1,16}$/u;

function endingOf(name: string): string {
  const base = path.posix.basename(name);
  const at = ENDING.exec(base)?.index ?? 0;
  return at > 0 ? base.slice(at).toLowerCase() : "";
}

/** Beyond so many endings, those that are rarest are counted together. */
const ENDINGS_NAMED_AT_MOST = 50;
const FOLDERS_NAMED_AT_MOST = 3;

const KINDS: Readonly<Record<PassedFolder["kind"], string>> = {
  run: "a run",
  comparison: "a comparison",
  codes: "codes",
  pictures: "decoded images or charts",
  output: "the output folder",
};

/**
 * One line's part: `3 files (2 .bmp, 1 .txt), 1 symbolic link, 1 folder that vqkit wrote (/photos/run: a run)`; "" where
 * nothing was passed over.
 */
export function describePassedOver({ files, endings, links, devices, folders }: PassedOver): string {
  const parts: string[] = [];
  if (files > 0) parts.push(`${counted(files, "file")} (${describeEndings(endings)})`);
  if (links > 0) parts.push(counted(links, "symbolic link"));
  if (devices > 0) parts.push(counted(devices, "device or pipe", "devices or pipes"));
  if (folders.length > 0) {
    const named = folders
      .slice(0, FOLDERS_NAMED_AT_MOST)
      .map(({ folder, kind }) => `${folder}: ${KINDS[kind]}`);
    const rest = folders.length - named.length;
    if (rest > 0) named.push(`and ${rest} more`);
    parts.push(`${counted(folders.length, "folder")} that vqkit wrote (${named.join("; ")})`);
  }
  return parts.join(", ");
}

/** `2 .bmp, 1 .txt, 1 without an ending` */
export function describeEndings(endings: PassedOver["endings"]): string {
  const all = Object.entries(endings);
  const named = all.slice(0, ENDINGS_NAMED_AT_MOST);
  const rest = all.slice(named.length);
  const texts = named.map(([ending, count]) => `${count} ${ending === "" ? "without an ending" : ending}`);
  if (rest.length > 0) {
    const files = rest.reduce((sum, [, count]) => sum + count, 0);
    texts.push(`${files} of ${rest.length} other endings`);
  }
  return texts.join(", ");
}

function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}
