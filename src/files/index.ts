export {
  isTemporaryName,
  removeTemporaries,
  syncFolder,
  temporaryPathOf,
  writeFileAtomic,
} from "./atomic-file.js";
export { type BoundedReader, openReader, readWhole, withReader } from "./bounded-reader.js";
export { copyWhole } from "./copy-whole.js";
export { crc32 } from "./crc32.js";
export { EventFile, type EventFileOptions } from "./event-file.js";
export { errnoOf, fileError, formatError, isMissingFile, quoted } from "./file-errors.js";
export { clearLeftovers, isContent } from "./folder-content.js";
export { FolderLock, LOCK_NAME, type LockOwner, writerOf } from "./folder-lock.js";
export { makeFolder, namesIn } from "./folder-names.js";
export {
  type JsonObject,
  type JsonValue,
  parseJson,
  readFormattedFile,
  readJsonFile,
  toJson,
  writeJsonFile,
} from "./json-file.js";
export { type JsonLine, JsonLineIndex, type ReadJsonLinesOptions, readJsonLines } from "./json-lines.js";
export { decodeNpy, encodeNpy, readNpy, writeNpy } from "./npy.js";
export { encodeStackHeader, NpyStack, STACK_HEADER_BYTES, type StackRow } from "./npy-stack.js";
export { readNpz } from "./npz.js";
export { OutputFolder, type OutputFolderOptions, UnfitNameError } from "./output-folder.js";
export { type OwnFolderKind, ownFolderKind } from "./own-folder.js";
export { decompressPage, parquetCodecs } from "./parquet-codecs.js";
export { decodePrelude, encodePrelude, PRELUDE_BYTES } from "./prelude.js";
export { openPytorch } from "./pytorch/pytorch-file.js";
export {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  type SafetensorsContent,
  writeSafetensors,
} from "./safetensors.js";
export type { Metadata } from "./safetensors-header.js";
export { openSafetensors } from "./safetensors-source.js";
export { openShards, openTensors, readShardIndex, type ShardIndex } from "./shards.js";
export { isPartialName, nameOfPartial, StagedFile } from "./staged-file.js";
export { placeStagedFiles, removeStagedFiles, StagedFiles } from "./staged-files.js";
export {
  bytesOf,
  floatsOf,
  type StoredTensor,
  type TensorArrays,
  type TensorDtype,
  type TensorMap,
} from "./tensor-data.js";
export type { TensorInfo, TensorSource } from "./tensor-source.js";
export type { EventContent, Histogram, SummaryValue } from "./tensorboard-events.js";
export { MAX_TRANSFER_BYTES, readFully, writeFully } from "./transfer.js";
export { ZipArchive, type ZipEntry } from "./zip-archive.js";
export { zstandardStream } from "./zstandard.js";
