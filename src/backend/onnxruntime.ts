/** ONNX Runtime, to be imported from here alone. Its libraries are loaded when it is first used. */
import "./without-telemetry.js";

import type * as common from "onnxruntime-common";
import { loadRuntime } from "./runtime-package.js";

export type InferenceSession = common.InferenceSession;
export namespace InferenceSession {
  export type SessionOptions = common.InferenceSession.SessionOptions;
  export type ReturnType = common.InferenceSession.ReturnType;
  export type ValueMetadata = common.InferenceSession.ValueMetadata;
}
export type SessionOptions = common.InferenceSession.SessionOptions;
export type Tensor = common.Tensor;

/** Makes sessions, as ONNX Runtime's own class of that name does. */
export const InferenceSession: common.InferenceSessionFactory = {
  create: async (...parameters: unknown[]) => {
    const { InferenceSession: own } = loadRuntime().runtime;
    return Reflect.apply(own.create, own, parameters) as Promise<common.InferenceSession>;
  },
};

/** Stands for ONNX Runtime's class of tensors until that is loaded. */
function ClassToLoad(): void {}

/** ONNX Runtime's own class. */
export const Tensor = new Proxy(ClassToLoad as unknown as common.TensorConstructor, {
  construct: (_, parameters) => Reflect.construct(loadRuntime().runtime.Tensor, parameters) as object,
  get: (_, key) => Reflect.get(loadRuntime().runtime.Tensor, key) as unknown,
});

export function listSupportedBackends(): { readonly name: string; readonly bundled: boolean }[] {
  return loadRuntime().runtime.listSupportedBackends();
}
