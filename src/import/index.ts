export { families } from "./families/index.js";
export type { Family } from "./family.js";
export { type ImportedTokenizer, type ImportOptions, importTokenizer } from "./import-tokenizer.js";
export { type Original, type OriginalFile, originText } from "./original.js";
export { toDiffusersWeights } from "./to-diffusers.js";
