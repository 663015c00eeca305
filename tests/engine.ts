import { selectEngine } from "../src/backend/index.js";

/** Makes the engine under test ready; every test file that computes calls this first. */
export async function useEngine(): Promise<void> {
  await selectEngine({ engine: "onnxruntime", threads: 2 });
}
