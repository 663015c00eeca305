import { availableParallelism } from "node:os";
import util from "node:util";
import * as tf from "../tf/index.js";
import { BackendError } from "./errors.js";
import { packageVersion } from "./package-version.js";

/** The name under which tfjs-node registers itself. */
const tensorFlowBackend = "tensorflow";

/** libtensorflow as it was loaded. */
interface Loaded {
  /** Of the package, and of the library that computes: results follow the latter. */
  readonly version: string;
  readonly threads: number;
}

let loading: Promise<Loaded> | undefined;

/**
 * Makes tfjs-node, on libtensorflow, what executes tfjs.
 *
 * @param threads inside one operator; libtensorflow takes the number once in a process, from whoever loads it first
 * @returns its version and the threads it computes with
 * @throws BackendError with one line that says why it cannot be used
 */
export async function useTensorFlow(threads: number): Promise<{ version: string; threads: number }> {
  const loaded = await load(threads);
  await tf.setBackend(tensorFlowBackend);
  await tf.ready();
  return loaded;
}

/**
 * Loads the binding and leaves what executes tfjs as it was.
 *
 * @returns the versions of the package and of libtensorflow
 * @throws BackendError that says in one line why it does not load
 */
export async function loadTensorFlow(): Promise<string> {
  const { version } = await load(availableParallelism());
  return version;
}

function load(threads: number): Promise<Loaded> {
  loading ??= loadOnce(threads);
  return loading;
}

async function loadOnce(threads: number): Promise<Loaded> {
  const version = installedVersion();
  // Read when the library is loaded. What the environment says must not make the recorded number untrue.
  process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  process.env.TF_NUM_INTEROP_THREADS ??= "1";
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  replaceRemovedUtilities();
  // Importing the package selects its backend. tf.ready() has tfjs choose one where nobody has, as its first
  // operation would.
  await tf.ready();
  const selected = tf.getBackend();
  // It brings a tfjs-core of its own, which shares the engine and its registries with ours and warns of each kernel
  // that it finds there.
  const warns = !tf.env().getBool("PROD");
  tf.env().set("PROD", true);
  try {
    await import("@tensorflow/tfjs-node");
  } catch (error) {
    throw loadError(error);
  } finally {
    tf.env().set("PROD", !warns);
  }
  await tf.setBackend(selected);
  const { binding } = tf.findBackend(tensorFlowBackend) as { binding?: { TF_Version?: string } };
  return { version: `${version} (libtensorflow ${binding?.TF_Version ?? "unknown"})`, threads };
}

function installedVersion(): string {
  try {
    return packageVersion("@tensorflow/tfjs-node");
  } catch {
    throw unusable(
      'the optional package @tensorflow/tfjs-node is not installed. Use ONNX Runtime (option engine: "onnxruntime").',
    );
  }
}

/** tfjs-node 4.22 calls functions of node:util that Node 23 removed (isNullOrUndefined) or is to remove (isArray). */
function replaceRemovedUtilities(): void {
  const utilities: Record<string, unknown> = util as unknown as Record<string, unknown>;
  utilities.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  utilities.isArray ??= Array.isArray;
}

function loadError(error: unknown): BackendError {
  const text = error instanceof Error ? error.message : String(error);
  const missing = /can not be found|Cannot find module/.test(text);
  return unusable(
    missing
      ? '@tensorflow/tfjs-node is installed without its native binding. Download it with npm rebuild @tensorflow/tfjs-node --ignore-scripts=false, build it with tools/build-tfjs-node.mjs of vqkit\'s repository, or use ONNX Runtime (option engine: "onnxruntime").'
      : `its native binding does not load (${text.split("\n")[0]}). Use ONNX Runtime (option engine: "onnxruntime").`,
  );
}

function unusable(reason: string): BackendError {
  return new BackendError("runtime", `Engine "tensorflow" is not usable: ${reason}`);
}
