import type { BrokenImage, ImageNote } from "../src/data/index.js";
import { many } from "./count-text.js";
import { note, type Terminal } from "./terminal.js";

/** Beyond this many, broken images are counted on the terminal, and named in JSON only. */
const NAMED_AT_MOST = 100;

/**
 * Gathers images that could not be read, and notes on how others were read, to name each once where a line does not fall into a progress bar; where none
 * can be read, the error that follows names the first, and this says nothing.
 */
export class BrokenImages {
  readonly #terminal: Terminal;
  readonly #quiet: boolean;
  /** By name: each run of a comparison finds the same. */
  readonly #all = new Map<string, BrokenImage>();
  readonly #notes: ImageNote[] = [];
  #named = 0;
  #notesNamed = 0;

  constructor(terminal: Terminal, options: { readonly quiet: boolean }) {
    this.#terminal = terminal;
    this.#quiet = options.quiet;
  }

  /** How many there were so far. */
  get count(): number {
    return this.#all.size;
  }

  /** All of them by name and cause, sorted by name: when each was found is a matter of chance. */
  list(): readonly BrokenImage[] {
    return [...this.#all.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  /** All notes, sorted by name. */
  notes(): readonly ImageNote[] {
    return [...this.#notes].sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  readonly report = (broken: BrokenImage): void => {
    if (!this.#all.has(broken.file)) this.#all.set(broken.file, broken);
  };

  readonly remark = (remark: ImageNote): void => {
    this.#notes.push(remark);
  };

  /** For whoever reads images. */
  readonly hooks = { onBroken: this.report, onNote: this.remark };

  /** Names those not named yet. */
  name(): void {
    for (const { file, reason } of [...this.#all.values()].slice(this.#named, NAMED_AT_MOST)) {
      note(this.#terminal, `skipped ${file}: ${reason}`, { quiet: this.#quiet });
    }
    this.#named = this.count;
    for (const remark of this.#notes.slice(this.#notesNamed, NAMED_AT_MOST)) {
      note(this.#terminal, `note ${remark.file}: ${remark.note}`, { quiet: this.#quiet });
    }
    this.#notesNamed = this.#notes.length;
  }

  /** Names the rest, and says how many there were in all. */
  summarise(): void {
    this.name();
    const folders = this.list().filter(({ isFolder }) => isFolder).length;
    this.#count({ images: this.count - folders, folders }, "skipped");
    const noted = new Set(this.#notes.map(({ file }) => file)).size;
    this.#count({ images: noted, folders: 0 }, "read with a note");
  }

  #count({ images, folders }: { readonly images: number; readonly folders: number }, what: string): void {
    const count = images + folders;
    if (count === 0) return;
    const parts = [
      ...(images > 0 ? [many(images, "image")] : []),
      ...(folders > 0 ? [many(folders, "folder")] : []),
    ];
    const were = count === 1 ? "was" : "were";
    const rest =
      count > NAMED_AT_MOST ? ` The first ${NAMED_AT_MOST} are named above, all of them by --json.` : "";
    note(this.#terminal, `${parts.join(" and ")} ${were} ${what}.${rest}`, { quiet: this.#quiet });
  }
}
