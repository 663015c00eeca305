import { createRequire } from "node:module";
import type { default as Sharp } from "sharp";

const require = createRequire(import.meta.url);

/** Stands for sharp until that is loaded, with its libraries of 18 MB: most that imports vqkit decodes no image at once. */
function moduleToLoad(): void {}

function loaded(): typeof Sharp {
  return require("sharp") as typeof Sharp;
}

/**
 * sharp, which the library takes from here alone: its ES module needs Node 20.10 or newer (import attributes), its
 * CommonJS form is the same program and runs on 20.9.
 */
export const sharp = new Proxy(moduleToLoad as unknown as typeof Sharp, {
  apply: (_, __, parameters) => Reflect.apply(loaded() as never, undefined, parameters) as unknown,
  get: (_, key) => Reflect.get(loaded(), key) as unknown,
});
