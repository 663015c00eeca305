import * as tf from "@tensorflow/tfjs";

/** Makes the engine under test ready; every test file that computes calls this first. */
export async function useEngine(): Promise<void> {
  await tf.setBackend("cpu");
  await tf.ready();
}
