export type { Original, OriginalFile } from "../runs/index.js";
export { families } from "./families/index.js";
export type { Family } from "./family.js";
export { type ImportedTokenizer, type ImportOptions, importTokenizer } from "./import-tokenizer.js";
export { toDiffusersWeights } from "./to-diffusers.js";
