/**
 * ONNX Runtime's Linux and macOS builds report usage to their maker from version 1.30 on (microsoft/onnxruntime#27379)
 * unless told not to before the library is loaded. vqkit makes no outside request, so this module is evaluated first.
 * Who wants the reports sets ORT_DISABLE_TELEMETRY=0.
 */
process.env.ORT_DISABLE_TELEMETRY ??= "1";
process.env.ORT_TELEMETRY_DISABLED ??= process.env.ORT_DISABLE_TELEMETRY;
