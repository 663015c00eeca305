import type { EngineName, EngineOptions } from "../src/index.js";
import { UsageError } from "./errors.js";

const NAMES: readonly (EngineName | "auto")[] = ["auto", "onnxruntime", "tensorflow"];

/** The engine that flags ask for; nothing where they do not. @throws UsageError */
export function engineOptions(flags: { readonly engine?: string; readonly threads?: number }): EngineOptions {
  const { engine, threads } = flags;
  const name = NAMES.find((each) => each === engine);
  if (engine !== undefined && name === undefined) {
    throw new UsageError(`--engine: expected ${NAMES.join(", ")}, got ${JSON.stringify(engine)}.`);
  }
  if (threads !== undefined && threads < 1) {
    throw new UsageError(`--threads: expected an integer >= 1, got ${threads}.`);
  }
  return { ...(name === undefined ? {} : { engine: name }), ...(threads === undefined ? {} : { threads }) };
}
