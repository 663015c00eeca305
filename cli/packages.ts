import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** Bars of progress, for terminals: loaded when the first is drawn. */
export function cliProgress(): typeof import("cli-progress") {
  return require("cli-progress") as typeof import("cli-progress");
}

/** Reads YAML: loaded with the first text that may be some. */
export function yaml(): typeof import("yaml") {
  return require("yaml") as typeof import("yaml");
}
