/** ONNX Runtime, to be imported from here alone. */
import "./without-telemetry.js";

export { env, InferenceSession, listSupportedBackends, Tensor } from "onnxruntime-node";
