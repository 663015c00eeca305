import type { BrokenImage } from "../src/index.js";
import { note, type Terminal } from "./terminal.js";

/** Beyond this many, broken images are counted on the terminal, and named in JSON only. */
const NAMED_AT_MOST = 100;

/**
 * Gathers images that could not be read, to name each once where a line does not fall into a progress bar; where none
 * can be read, the error that follows names the first, and this says nothing.
 */
export class BrokenImages {
  readonly #terminal: Terminal;
  readonly #quiet: boolean;
  readonly #all: BrokenImage[] = [];
  #named = 0;

  constructor(terminal: Terminal, options: { readonly quiet: boolean }) {
    this.#terminal = terminal;
    this.#quiet = options.quiet;
  }

  /** How many there were so far. */
  get count(): number {
    return this.#all.length;
  }

  /** All of them by name and cause, sorted by name: when each was found is a matter of chance. */
  list(): readonly BrokenImage[] {
    return [...this.#all].sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  readonly report = (broken: BrokenImage): void => {
    this.#all.push(broken);
  };

  /** Names those not named yet. */
  name(): void {
    for (const { file, reason } of this.#all.slice(this.#named, NAMED_AT_MOST)) {
      note(this.#terminal, `skipped ${file}: ${reason}`, { quiet: this.#quiet });
    }
    this.#named = this.count;
  }

  /** Names the rest, and says how many there were in all. */
  summarise(): void {
    this.name();
    if (this.count === 0) return;
    const images = this.count === 1 ? "1 image was" : `${this.count} images were`;
    const rest =
      this.count > NAMED_AT_MOST ? ` The first ${NAMED_AT_MOST} are named above, all of them by --json.` : "";
    note(this.#terminal, `${images} skipped.${rest}`, { quiet: this.#quiet });
  }
}
