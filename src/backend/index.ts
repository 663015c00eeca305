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
  selectEngine,
} from "./engine.js";
export { BackendError } from "./errors.js";
export { OnnxBackend, type OnnxBackendOptions } from "./onnx-backend.js";
export { RecordedFunction, type TensorFunction } from "./recorded-function.js";
export { backendName, registerOnnxBackend } from "./register.js";
