import { createRequire } from "node:module";
import type { default as Sharp } from "sharp";

/**
 * sharp, which the library takes from here alone: its ES module needs Node 20.10 or newer (import attributes), its
 * CommonJS form is the same program and runs on 20.9.
 */
export const sharp = createRequire(import.meta.url)("sharp") as typeof Sharp;
