import type { BrokenImage } from "../src/index.js";
import { note, type Terminal } from "./terminal.js";

/** Beyond this many, broken images are only counted. */
const NAMED_AT_MOST = 20;

/**
 * Gathers images that could not be read, to name each once where a line does not fall into a progress bar; where none
 * can be read, the error that follows names the first, and this says nothing.
 */
export class BrokenImages {
  readonly #terminal: Terminal;
  readonly #quiet: boolean;
  readonly #pending: BrokenImage[] = [];
  #count = 0;

  constructor(terminal: Terminal, options: { readonly quiet: boolean }) {
    this.#terminal = terminal;
    this.#quiet = options.quiet;
  }

  /** How many there were so far. */
  get count(): number {
    return this.#count;
  }

  readonly report = (broken: BrokenImage): void => {
    this.#count++;
    if (this.#count <= NAMED_AT_MOST) this.#pending.push(broken);
  };

  /** Names those not named yet. */
  name(): void {
    for (const { file, reason } of this.#pending.splice(0)) {
      note(this.#terminal, `skipped ${file}: ${reason}`, { quiet: this.#quiet });
    }
  }

  /** Names the rest, and says how many there were in all. */
  summarise(): void {
    this.name();
    if (this.#count === 0) return;
    const images = this.#count === 1 ? "1 image was" : `${this.#count} images were`;
    note(this.#terminal, `${images} skipped.`, { quiet: this.#quiet });
  }
}
