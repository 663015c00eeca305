export type { CallOptions, EncodeAllOptions, EncodeCallOptions } from "./call-options.js";
export type { CodeFile, CodeGrid, CodeKind } from "./code-files/contents.js";
export { type CodeFolderUsage, countCodes } from "./code-files/count-codes.js";
export { type CodeFormat, codeFormats } from "./code-files/formats.js";
export type { CodeManifest } from "./code-files/manifest.js";
export {
  CodeReader,
  openCodes,
  type ReadCodesOptions,
  readCodeManifest,
  readCodes,
} from "./code-files/reader.js";
export type { TokenOptions } from "./code-files/vocabulary.js";
export {
  type CodeWriter,
  type CodeWriterOptions,
  openCodeWriter,
  type WriteCodesOptions,
  writeCodes,
} from "./code-files/writer.js";
export {
  type CodeSurvey,
  type CodeSurveyAtlas,
  type CodeSurveyOptions,
  type SurveyedCode,
  surveyCodes,
} from "./code-survey.js";
export {
  beginsImage,
  type CodedImage,
  type Codes,
  type CodesInput,
  type CodesShape,
  concatCodes,
  type EncodedBatch,
  finestGrid,
  type IndexArray,
  indexArray,
  otherModel,
  type SourceProgress,
  scalesOf,
  sequenceLength,
  sliceCodes,
  type TilePlace,
} from "./codes.js";
export { DecodedImage } from "./decoded-image.js";
export {
  type EncodeOptions,
  type EncodeSettings,
  type ImageViews,
  imageViews,
  type SizePolicy,
} from "./encode-options.js";
export {
  type UnwrittenImage,
  type WriteImagesOptions,
  type WrittenImages,
  writeImages,
} from "./image-files.js";
export { classesOf, classOf, withLabels } from "./labels.js";
export { type LoadedModel, loadModel } from "./model-loading.js";
export { importModules, type LoadOptions } from "./passes/loading-options.js";
export { photographThrough } from "./photograph.js";
export { advanced, NOTHING_READ } from "./source-progress.js";
export { Tokenizer } from "./tokenizer.js";
