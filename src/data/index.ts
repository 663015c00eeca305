export type { BrokenImage, ImageBatch, ImageNote } from "./batch.js";
export { type DataConfig, type DataConfigInput, type DataSource, dataConfigSchema } from "./data-config.js";
export { ImageDataset, type ImageDatasetOptions } from "./dataset.js";
export {
  DEFAULT_MAX_PIXELS,
  type DecodeAllOptions,
  type DecodedFile,
  type DecodeOptions,
  decodeAll,
  decodeImage,
  ImageError,
  type ImageTransform,
} from "./decode.js";
export {
  ENLARGEMENT_SAMPLE,
  type Enlargement,
  enlargementOf,
  refuseOversize,
  timesText,
} from "./enlargement.js";
export { namesInList, readFileList } from "./file-list.js";
export { type FindOptions, findImages, findSources } from "./find-images.js";
export { findRuns } from "./find-runs.js";
export { describePassedOver, type PassedFolder, type PassedOver } from "./finding/passed-over.js";
export { EXTENSION_LIST, hasImageExtension, IMAGE_EXTENSIONS } from "./formats.js";
export {
  countDatasetImages,
  type FindImagesOptions,
  type FoundFiles,
  type FoundImages,
  findDatasetFiles,
  findDatasetImages,
} from "./found-images.js";
export {
  centerCrop,
  gridCrops,
  type Rect,
  type ResizeRule,
  randomCrop,
  resizedSize,
  type Size,
} from "./geometry.js";
export { type HubFetch, type HubOptions, hubFiles } from "./hub/hub-files.js";
export { isHubSource } from "./hub/hub-source.js";
export { type ImageSource, loadItem, type SourceItem } from "./image-source.js";
export { copyCrop, cropImage, imageOfBatch, mirrored, type RgbImage, toSharp } from "./images.js";
export { ImageSelection } from "./indexed/image-selection.js";
export { indexFiles } from "./indexed/index-files.js";
export type { IndexedImages, IndexedItem } from "./indexed/indexed-images.js";
export {
  cellOf,
  type PictureGeometry,
  type PictureGrid,
  type PictureOptions,
  type PictureRow,
  pictureGrid,
  picturesOf,
} from "./picture.js";
export { mapAhead } from "./prefetch.js";
export type { PixelArray, RawImage } from "./raw-image.js";
export { ALPHA_BACKGROUND } from "./render.js";
export type { CollectionOptions, ImageCollection, SourceFile } from "./sources/image-collection.js";
export {
  foundFiles,
  listedFiles,
  openFileList,
  openSource,
  type SourceElement,
  type SourceInput,
} from "./sources/open-source.js";
export { checkChunkRuns } from "./sources/parquet-pages.js";
export type { LeftOut } from "./sources/source-item.js";
export { cutSource, openPiece, type SourcePiece } from "./sources/source-pieces.js";
export { uninterrupted } from "./sources/uninterrupted.js";
export { type FileSplit, type IndexSplit, splitFiles, splitImages } from "./split.js";
