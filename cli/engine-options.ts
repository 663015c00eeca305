import type { DeviceName, EngineName, EngineOptions } from "../src/backend/index.js";
import { didYouMean } from "../src/core/suggest.js";
import { UsageError } from "./errors.js";

// Not the library's own lists: it is loaded only after the command line has been found right.
const ENGINES: readonly (EngineName | "auto")[] = ["auto", "onnxruntime", "tensorflow"];
const DEVICES: readonly DeviceName[] = ["cpu", "webgpu", "cuda"];

/** Values of the flags about the engine. */
export interface EngineFlags {
  readonly engine?: string;
  readonly device?: string;
  readonly threads?: number;
}

/** The engine that flags ask for; nothing where they do not. @throws UsageError */
export function engineOptions({ engine, device, threads }: EngineFlags): EngineOptions {
  const wish = {
    engine: oneOf("--engine", ENGINES, engine),
    device: oneOf("--device", DEVICES, device),
  };
  if (threads !== undefined && threads < 1) {
    throw new UsageError(`--threads: expected an integer >= 1, got ${threads}.`);
  }
  return {
    ...(wish.engine === undefined ? {} : { engine: wish.engine }),
    ...(wish.device === undefined ? {} : { device: wish.device }),
    ...(threads === undefined ? {} : { threads }),
  };
}

function oneOf<T extends string>(flag: string, names: readonly T[], value?: string): T | undefined {
  const name = names.find((each) => each === value);
  if (value !== undefined && name === undefined) {
    throw new UsageError(
      `${flag}: expected ${names.join(", ")}, got ${JSON.stringify(value)}.${didYouMean(value, names)}`,
    );
  }
  return name;
}
