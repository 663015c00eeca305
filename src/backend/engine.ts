import { availableParallelism } from "node:os";
import * as tf from "../tf/index.js";
import { checkDevice, type DeviceName, sessionOptionsOf } from "./devices.js";
import { BackendError } from "./errors.js";
import { OnnxBackend } from "./onnx-backend.js";
import { listSupportedBackends } from "./onnxruntime.js";
import { backendName, registerOnnxBackend } from "./register.js";
import { loadRuntime } from "./runtime-package.js";
import { loadTensorFlow, useTensorFlow } from "./tensorflow.js";

export const engineNames = ["onnxruntime", "tensorflow"] as const;
export type EngineName = (typeof engineNames)[number];

export interface EngineOptions {
  /**
   * "auto" takes ONNX Runtime, which every machine that can install the package has. Against tfjs-node on two cores it
   * trains 1.7 times as fast and encodes 1.3 times as fast (bench/RESULTS.md).
   */
  readonly engine?: EngineName | "auto";
  /** Threads inside one operator, at least 1; by default one a processor. */
  readonly threads?: number;
  /** What ONNX Runtime computes on; default "cpu". The others are never taken unasked. */
  readonly device?: DeviceName;
}

/** What computes, as it is written into every run. */
export interface Engine {
  readonly name: EngineName;
  readonly version: string;
  readonly threads: number;
  /** What was asked for and found to compute. Operators that it has no kernel for are computed on the CPU. */
  readonly device: DeviceName;
  /** Which GPU it is, where the driver tells; null otherwise and on the CPU. */
  readonly adapter: string | null;
}

/** Whether an engine can be used here and, if not, why, in one line. */
export interface EngineStatus {
  readonly name: EngineName;
  readonly usable: boolean;
  readonly version: string | null;
  readonly reason: string | null;
}

/**
 * Chooses what executes tfjs from now on. Tensors stay when threads or device change.
 *
 * @throws BackendError with one line that says why the engine or the device asked for cannot be used
 */
export async function selectEngine(options: EngineOptions = {}): Promise<Engine> {
  const name = options.engine === undefined || options.engine === "auto" ? "onnxruntime" : options.engine;
  const threads = options.threads ?? availableParallelism();
  if (!Number.isInteger(threads) || threads < 1) {
    throw new BackendError("runtime", `threads: expected an integer >= 1, got ${threads}.`);
  }
  const device = options.device ?? "cpu";
  if (name === "tensorflow" && device !== "cpu") {
    throw new BackendError(
      "runtime",
      `Device "${device}" is not usable with engine "tensorflow", which computes on the CPU. Use ONNX Runtime (option engine: "onnxruntime").`,
    );
  }
  const engine: Engine =
    name === "onnxruntime"
      ? await useOnnxRuntime(threads, device)
      : { name, ...(await useTensorFlow(threads)), device, adapter: null };
  // Fused batches of small kernels gain nothing from tfjs's own checks of every result.
  tf.enableProdMode();
  return engine;
}

/**
 * Tells the engine that these computed tensors keep their values, as a trained model's weights do, so that it may
 * prepare them once. Without effect on engines that have no use for it.
 */
export function freezeTensors(tensors: Iterable<tf.Tensor>): void {
  const backend = tf.backend();
  if (!(backend instanceof OnnxBackend)) return;
  for (const tensor of tensors) backend.freeze(tensor.dataId);
}

/**
 * Frees the graphs that the engine has compiled, and with them the memory that they work in, which may be many times
 * that of all tensors: for use between one model and the next. What is computed again is compiled again.
 */
export async function releaseGraphs(): Promise<void> {
  const backend = tf.backend();
  if (backend instanceof OnnxBackend) await backend.releaseGraphs();
}

/** All engines, in order of preference. Loads what it reports on. */
export async function engineStatuses(): Promise<EngineStatus[]> {
  const statuses: EngineStatus[] = [];
  for (const name of engineNames) {
    try {
      const version = name === "onnxruntime" ? onnxRuntimeVersion() : await loadTensorFlow();
      statuses.push({ name, usable: true, version, reason: null });
    } catch (error) {
      statuses.push({
        name,
        usable: false,
        version: null,
        reason: error instanceof Error ? error.message : String(error),
      });
    }
  }
  return statuses;
}

/** ONNX Runtime's execution providers, and whether each comes with the package. */
export async function executionProviders(): Promise<
  readonly { readonly name: string; readonly bundled: boolean }[]
> {
  return listSupportedBackends();
}

async function useOnnxRuntime(threads: number, device: DeviceName): Promise<Engine> {
  const version = onnxRuntimeVersion();
  // Before anything changes: who asks for a device that is not there keeps what they have.
  const adapter = await checkDevice(device);
  if (tf.findBackendFactory(backendName) === null) registerOnnxBackend({ threads });
  await tf.setBackend(backendName);
  await tf.ready();
  // A backend that is there already holds the tensors of whoever uses it.
  const backend = tf.backend();
  if (backend instanceof OnnxBackend)
    await backend.setSessionOptions({ intraOpNumThreads: threads, ...sessionOptionsOf(device) });
  return { name: "onnxruntime", version, threads, device, adapter };
}

/** @throws BackendError that says in one line what is missing */
function onnxRuntimeVersion(): string {
  return loadRuntime().from.version;
}
