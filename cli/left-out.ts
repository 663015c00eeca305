import type { LeftOut } from "../src/data/index.js";
import { number } from "./count-text.js";
import { note, type Terminal } from "./terminal.js";

/** Endings that are named, of the most frequent ones. */
const ENDINGS_NAMED = 6;

/** Images that a source leaves out, added up over its files by what they are. */
export class LeftOutImages {
  readonly #terminal: Terminal;
  readonly #quiet: boolean;
  readonly #byKind = new Map<string, { count: number; endings: Record<string, number> }>();

  constructor(terminal: Terminal, options: { readonly quiet: boolean }) {
    this.#terminal = terminal;
    this.#quiet = options.quiet;
  }

  readonly report = ({ what, count, endings = {} }: LeftOut): void => {
    const sum = this.#byKind.get(what) ?? { count: 0, endings: {} };
    sum.count += count;
    for (const [ending, each] of Object.entries(endings)) {
      sum.endings[ending] = (sum.endings[ending] ?? 0) + each;
    }
    this.#byKind.set(what, sum);
  };

  /** For JSON. */
  list(): readonly Omit<LeftOut, "file">[] {
    return [...this.#byKind].map(([what, { count, endings }]) => ({ what, count, endings }));
  }

  /** One line a kind. */
  summarise(): void {
    for (const [what, { count, endings }] of this.#byKind) {
      const named = endingsText(endings);
      const choose = named === "" ? "" : ` (${named}). --image-key chooses the image of a sample`;
      note(this.#terminal, `left out, ${what}: ${number(count)}${choose}.`, { quiet: this.#quiet });
    }
  }
}

function endingsText(endings: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(endings).sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const named = sorted.slice(0, ENDINGS_NAMED).map(([ending, count]) => `${number(count)} ${ending}`);
  const others = sorted.length - named.length;
  return [...named, ...(others > 0 ? [`${number(others)} other endings`] : [])].join(", ");
}
