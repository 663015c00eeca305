import type { HubFetch } from "../src/data/index.js";
import { many } from "./count-text.js";
import { note, type Terminal } from "./terminal.js";

/** Tells what is about to be downloaded of a data set on a hub. */
export function hubNote(terminal: Terminal, options: { readonly quiet: boolean }): (fetch: HubFetch) => void {
  return ({ source, files, missing, bytes, folder }) => {
    const which = missing === files ? many(files, "file") : `${missing} of ${many(files, "file")}`;
    const size = `${(bytes / 1e6).toLocaleString("en-US", { maximumFractionDigits: 1 })} MB`;
    note(terminal, `downloading ${source}: ${which}, ${size}, to ${folder}`, options);
  };
}
