import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { BackendError } from "../errors.js";
import { InferenceSession } from "../onnxruntime.js";

/**
 * The same model with what is constant in it computed: exporters write padding and shapes as long chains of nodes. ONNX
 * Runtime's basic optimisations, which leave standard operators alone.
 *
 * @param name what messages call it
 * @throws BackendError("runtime") when ONNX Runtime refuses the model
 */
export async function foldedModel(model: Uint8Array, name: string): Promise<Uint8Array> {
  const folder = await mkdtemp(path.join(tmpdir(), "vqkit-onnx-"));
  const file = path.join(folder, "folded.onnx");
  try {
    const session = await InferenceSession.create(model, {
      graphOptimizationLevel: "basic",
      optimizedModelFilePath: file,
      logSeverityLevel: 4,
    });
    await session.release();
    return await readFile(file);
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).split("\n")[0];
    throw new BackendError(
      "runtime",
      `${name}: expected an ONNX model, but ONNX Runtime refused it: ${reason}`,
      { cause: error },
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
