export { type DeviceName, type DeviceStatus, deviceNames, deviceStatuses } from "./devices.js";
export {
  type Engine,
  type EngineName,
  type EngineOptions,
  type EngineStatus,
  engineNames,
  engineStatuses,
  executionProviders,
  freezeTensors,
  releaseGraphs,
  selectEngine,
} from "./engine.js";
export { BackendError } from "./errors.js";
export { foldedModel } from "./onnx/folded-model.js";
export { type Dimension, GraphWriter } from "./onnx/graph-writer.js";
export {
  type Attributes,
  type ElementType,
  encodeModel,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
  withMetadata,
} from "./onnx/model-proto.js";
export {
  type ReadAttribute,
  type ReadGraph,
  type ReadNode,
  type ReadTensor,
  readOnnxModel,
} from "./onnx/read-model.js";
export { OnnxBackend, type OnnxBackendOptions } from "./onnx-backend.js";
export {
  type NetworkPort,
  type NetworkValue,
  OnnxNetwork,
  type OnnxNetworkOptions,
} from "./onnx-network.js";
export { InferenceSession, Tensor as OrtTensor } from "./onnxruntime.js";
export { RecordedFunction, type TensorFunction } from "./recorded-function.js";
export { backendName, registerOnnxBackend } from "./register.js";
