import { expect, it } from "vitest";
import { main } from "../../samples/layers-on-onnxruntime.js";

it("an ordinary tf.layers model learns on the engine", async () => {
  const { losses, accuracy } = await main({ epochs: 3, examples: 128 });
  expect(losses).toHaveLength(3);
  expect(losses[2]).toBeLessThan(0.6 * (losses[0] as number));
  // Two kinds, so guessing is right half of the time.
  expect(accuracy).toBeGreaterThan(0.85);
});
