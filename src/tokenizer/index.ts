export type {
  CodeFormat,
  CodeWriter,
  CodeWriterOptions,
  SourcePosition,
} from "./code-files/code-writer.js";
export {
  type CodeManifest,
  type CodeStack,
  readCodeManifest,
} from "./code-files/manifest.js";
export {
  type CodeFolderUsage,
  countCodes,
  type ReadCodesOptions,
  readCodes,
} from "./code-files/read-codes.js";
export { type WriteCodesOptions, writeCodes } from "./code-files/write-codes.js";
export {
  type CodedImage,
  type Codes,
  type CodesInput,
  type CodesShape,
  concatCodes,
  type EncodedBatch,
  type IndexArray,
  type SourceProgress,
  sliceCodes,
  type TilePlace,
} from "./codes.js";
export { DecodedImage } from "./decoded-image.js";
export type { EncodeOptions } from "./encode-options.js";
export { type LoadedModel, loadModel } from "./model-loading.js";
export { type EncodeAllOptions, Tokenizer } from "./tokenizer.js";
