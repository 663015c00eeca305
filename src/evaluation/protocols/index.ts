export { cleanFidInput, pytorchFidInput, tensorflowInput } from "./feature-input.js";
export {
  checkProtocolImages,
  checkProtocolNetworks,
  type ProtocolNetworks,
  protocolBatches,
} from "./fitting.js";
export type { EvaluationProtocol, ProtocolFid, ProtocolFigure, ProtocolImages } from "./protocol.js";
export { evaluationProtocol, protocolNames, registerProtocol } from "./registry.js";
export { type ProtocolSummary, protocolLine, protocolSummary } from "./wording.js";
