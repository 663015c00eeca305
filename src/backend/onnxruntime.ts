/** ONNX Runtime, to be imported from here alone. Its libraries are loaded when it is first used. */
import "./without-telemetry.js";
import { loadRuntime } from "./runtime-package.js";
import type * as types from "./runtime-types.js";

export type { SessionOptions, ValueMetadata } from "./runtime-types.js";
export type InferenceSession = types.InferenceSession;
export type Tensor = types.Tensor;

/** Makes sessions, as ONNX Runtime's own class of that name does. */
export const InferenceSession: types.SessionFactory = {
  create: async (model, options) => loadRuntime().runtime.InferenceSession.create(model, options),
};

/** Stands for ONNX Runtime's class of tensors until that is loaded. */
function ClassToLoad(): void {}

/** ONNX Runtime's own class. */
export const Tensor = new Proxy(ClassToLoad as unknown as types.TensorConstructor, {
  construct: (_, parameters) => Reflect.construct(loadRuntime().runtime.Tensor, parameters) as object,
  get: (_, key) => Reflect.get(loadRuntime().runtime.Tensor, key) as unknown,
});

export function listSupportedBackends(): { readonly name: string; readonly bundled: boolean }[] {
  return loadRuntime().runtime.listSupportedBackends();
}
