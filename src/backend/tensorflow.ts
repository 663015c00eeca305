import * as tf from "@tensorflow/tfjs";
import { BackendError } from "./errors.js";
import { packageVersion } from "./package-version.js";

/**
 * Makes tfjs-node, on libtensorflow, what executes tfjs.
 *
 * @returns its version and the threads it computes with
 * @throws BackendError with one line that says why it cannot be used
 */
export async function useTensorFlow(threads: number): Promise<{ version: string; threads: number }> {
  // libtensorflow reads its thread counts once, when it is loaded.
  process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
  process.env.TF_NUM_INTEROP_THREADS ??= "1";
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "2";
  const version = await loadTensorFlow();
  await tf.setBackend("tensorflow");
  await tf.ready();
  return { version, threads: Number(process.env.TF_NUM_INTRAOP_THREADS) };
}

/** Loads the binding and returns the package's version. @throws BackendError that says in one line why it does not load */
export async function loadTensorFlow(): Promise<string> {
  const unusable = (reason: string) =>
    new BackendError("runtime", `Engine "tensorflow" is not usable: ${reason}`);
  const major = Number(process.versions.node.split(".")[0]);
  if (major >= 23)
    throw unusable(
      `@tensorflow/tfjs-node 4.22 needs Node 22 or older, this is ${process.version}. Use --engine onnxruntime.`,
    );
  let version: string;
  try {
    version = packageVersion("@tensorflow/tfjs-node");
  } catch {
    throw unusable("the optional package @tensorflow/tfjs-node is not installed. Use --engine onnxruntime.");
  }
  try {
    await import("@tensorflow/tfjs-node");
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const missing = /can not be found|Cannot find module/.test(text);
    throw unusable(
      missing
        ? "@tensorflow/tfjs-node is installed without its native binding, which its install script downloads. Run npm rebuild @tensorflow/tfjs-node --ignore-scripts=false, or use --engine onnxruntime."
        : `its native binding does not load (${text.split("\n")[0]}). Use --engine onnxruntime.`,
    );
  }
  return version;
}
