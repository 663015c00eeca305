import { beforeAll, describe, expect, it } from "vitest";
import { choiceEntropy } from "../../src/quantizers/codebooks/choice-entropy.js";
import { throughAllCodes } from "../../src/quantizers/gradients/all-codes-softmax.js";
import { nearestCode } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

/** Latents [5, 3] and codes [7, 3], without symmetry. */
const latentsOf = () => tf.tensor2d(wave(15, 0.7), [5, 3]);
const codesOf = () => tf.tensor2d(wave(21, 1.3), [7, 3]);

function wave(length: number, pace: number): number[] {
  return Array.from({ length }, (_, i) => 1.5 * Math.sin(pace * i + 0.2));
}

type Loss = (latents: tf.Tensor2D, codes: tf.Tensor2D, scoresPerTile: number) => tf.Scalar;

async function computed(loss: Loss, scoresPerTile: number): Promise<number[]> {
  const results = tf.tidy(() => {
    const of = tf.valueAndGrads((z: tf.Tensor, e: tf.Tensor) =>
      loss(z as tf.Tensor2D, e as tf.Tensor2D, scoresPerTile),
    );
    const { value, grads } = of([latentsOf(), codesOf()]);
    return [value, ...grads].map((each) => each.reshape([-1]));
  });
  const values = await Promise.all(results.map((each) => each.data()));
  tf.dispose(results);
  return values.flatMap((each) => [...each]);
}

describe.each(["distance", "inner-product"] as const)("scores in tiles, by %s", (similarity) => {
  beforeAll(useEngine);

  const softmax: Loss = (z, e, scoresPerTile) => {
    const indices = nearestCode(z, e, { similarity });
    const sharpness = tf.scalar(0.8);
    const options = { table: e, indices, similarity, sharpness, scoresPerTile };
    const output = throughAllCodes(z, tf.gather(e, indices), options);
    return output.mul(tf.tensor2d(wave(15, 2.1), [5, 3])).sum();
  };
  const entropy: Loss = (latents, codes, scoresPerTile) => {
    const nearest = nearestCode(latents, codes, { similarity });
    const weights = { temperature: 0.4, diversityWeight: 0.75 };
    return choiceEntropy({ latents, codes, nearest, similarity, ...weights, scoresPerTile });
  };

  // One tile of all codes is held against float64 in values.test.ts.
  it.each([
    ["the softmax", softmax],
    ["the entropies", entropy],
  ] as const)("computes %s as in one tile, the last one smaller", async (_, loss) => {
    const whole = await computed(loss, 5 * 7);
    const tiled = await computed(loss, 5 * 3); // tiles of 3, 3 and 1 codes
    expect(tiled).toHaveLength(1 + 15 + 21);
    tiled.forEach((value, i) => {
      expect(Math.abs(value - (whole[i] as number))).toBeLessThan(2e-6);
    });
    expect(Math.max(...whole.slice(1).map(Math.abs))).toBeGreaterThan(0.01);
  });
});
