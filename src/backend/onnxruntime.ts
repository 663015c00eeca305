/** ONNX Runtime, to be imported from here alone. */
import "./without-telemetry.js";

import type { InferenceSession } from "onnxruntime-node";

export type SessionOptions = InferenceSession.SessionOptions;
export { env, InferenceSession, listSupportedBackends, Tensor } from "onnxruntime-node";
