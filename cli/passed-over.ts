import type { PassedOver } from "../src/data/index.js";
import { note, type Terminal } from "./terminal.js";

/** Tells in one line what lies among the images and is none, when they are looked for. */
export class PassedOverNote {
  readonly #terminal: Terminal;
  readonly #quiet: boolean;
  readonly #describe: (passedOver: PassedOver) => string;
  #all: PassedOver | undefined;

  private constructor(terminal: Terminal, quiet: boolean, describe: (passedOver: PassedOver) => string) {
    this.#terminal = terminal;
    this.#quiet = quiet;
    this.#describe = describe;
  }

  static async create(terminal: Terminal, { quiet }: { readonly quiet: boolean }): Promise<PassedOverNote> {
    const { describePassedOver } = await import("../src/data/index.js");
    return new PassedOverNote(terminal, quiet, describePassedOver);
  }

  /** For the JSON of a result; null where nothing was looked for. */
  get counts(): PassedOver | null {
    return this.#all ?? null;
  }

  /** Tells the first time only: the runs of a comparison have the same images. */
  readonly report = (all: PassedOver): void => {
    const isFirst = this.#all === undefined;
    this.#all ??= all;
    const text = this.#describe(all);
    if (isFirst && text !== "") note(this.#terminal, `passed over ${text}`, { quiet: this.#quiet });
  };
}
