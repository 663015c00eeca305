import { beforeAll, expect, test } from "vitest";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

beforeAll(useEngine);

const megabyte = 2 ** 20;

test("the second run of a graph takes no more memory than the first", async () => {
  const x = tf.range(0, 2 ** 19); // 2 MiB
  await x.data();
  const run = async () => {
    // 24 tensors that exist at once, and all of them joined: 96 MiB.
    const total = tf.tidy(() =>
      tf.sum(tf.concat(Array.from({ length: 24 }, (_, i) => tf.exp(tf.mul(x, -i - 2))))),
    );
    // The first number of each is 1, the second e^−(i + 2); what follows adds 1/(e^(i + 2) − 1) in all.
    const expected = Array.from({ length: 24 }, (_, i) => 1 + 1 / Math.expm1(i + 2)).reduce((a, b) => a + b);
    expect((await total.data())[0]).toBeCloseTo(expected, 4);
    total.dispose();
    return process.memoryUsage.rss();
  };
  const [first, second] = [await run(), await run()];
  expect(second - first).toBeLessThan(48 * megabyte);
  x.dispose();
});
