import { selectEngine } from "../src/backend/index.js";

/** Makes the engine under test ready; every test file that computes calls this first. One thread: the graphs are tiny, and test files run side by side. */
export async function useEngine(): Promise<void> {
  await selectEngine({ engine: "onnxruntime", threads: 1 });
}
