import type { BrokenImage } from "../src/index.js";
import { note, type Terminal } from "./terminal.js";

/** Beyond this many, broken images are only counted. */
const NAMED_AT_MOST = 20;

/** Tells of images that could not be read: each once by name, and how many at the end. */
export function brokenImages(terminal: Terminal, { quiet }: { readonly quiet: boolean }) {
  let count = 0;
  return {
    report: ({ file, reason }: BrokenImage): void => {
      count++;
      if (count <= NAMED_AT_MOST) note(terminal, `skipped ${file}: ${reason}`, { quiet });
      if (count === NAMED_AT_MOST + 1) note(terminal, "skipped more, which are counted only", { quiet });
    },
    summarise: (): void => {
      if (count > 0)
        note(terminal, `${count} ${count === 1 ? "image was" : "images were"} skipped.`, { quiet });
    },
    get count(): number {
      return count;
    },
  };
}
