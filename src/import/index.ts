export type { Original, OriginalFile } from "../runs/index.js";
export { families } from "./families/index.js";
export type { Family } from "./family.js";
export { importTokenizer } from "./import-tokenizer.js";
export type { ImportedTokenizer, ImportOptions } from "./imported-tokenizer.js";
export { trainedProject } from "./pytorch-project.js";
export { toDiffusersWeights } from "./to-diffusers.js";
