export {
  type DiffusersExport,
  type ExportDiffusersOptions,
  exportDiffusers,
} from "./diffusers/export-diffusers.js";
export {
  type ExportHuggingFaceOptions,
  exportHuggingFace,
  type HuggingFaceExport,
} from "./huggingface/export-huggingface.js";
export { type ExportOnnxOptions, exportOnnx, type OnnxExport } from "./onnx/export-onnx.js";
export { type PixelFormat, pixelFormats } from "./onnx/pixels.js";
export { type OnnxQuantizerExport, registerOnnxExport } from "./onnx/quantizers.js";
export type { RoundTrip } from "./onnx/round-trip.js";
export type { PruneEvidence } from "./prune/evidence.js";
export { type PruneOptions, type PruneResult, pruneModel } from "./prune/prune-model.js";
export { type Remapping, readRemapping, remapCodes } from "./prune/remapping.js";
export { type ExportPytorchOptions, exportPytorch, type PytorchExport } from "./pytorch/export-pytorch.js";
