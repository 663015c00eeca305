import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { OnnxBackend, RecordedFunction } from "../../src/backend/index.js";
import { backendName } from "../../src/backend/register.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

const LIMIT = 10_000;
/** Of one variable: 1,000 numbers. */
const VARIABLE = 4_000;
const name = "held-memory";

/** The engine's kernels on a backend of our own, which keeps little. */
beforeAll(async () => {
  await useEngine();
  tf.registerBackend(name, () => new OnnxBackend({ threads: 1, maxHeldBytes: LIMIT }));
  for (const kernel of tf.getKernelsForBackend(backendName)) {
    tf.registerKernel({ ...kernel, backendName: name });
  }
});
beforeEach(() => tf.setBackend(name));
afterAll(async () => {
  await useEngine();
  tf.removeBackend(name);
});

const backend = () => tf.backend() as OnnxBackend;
const held = () => backend().memory().numBytesHeld;

/** A step that replaces a variable by itself plus one; repeated from its third call on. */
function counting(size = VARIABLE / 4) {
  const variable = tf.tidy(() => tf.variable(tf.range(0, size), false));
  const recorded = new RecordedFunction(({ one }: { one: tf.Tensor }) => {
    variable.assign(tf.add(variable, one) as tf.Tensor1D);
    return { first: tf.slice(variable, [0], [1]) };
  });
  const step = async () => {
    const one = tf.scalar(1);
    const { first } = await recorded.call({ one });
    tf.dispose([one, first]);
  };
  return { variable, step };
}

async function numbersOf(tensors: readonly tf.Tensor[]): Promise<number[]> {
  const values = await Promise.all(tensors.map(async (tensor) => (await tensor.data())[0] as number));
  tf.dispose([...tensors]);
  return values;
}

describe("what recordings that nobody reads keep", () => {
  it("one that reads a variable keeps the value that it read, and none of the later ones", async () => {
    const { variable, step } = counting();
    const unread = tf.max(variable); // 999 + 0
    const seen: number[] = [];
    for (let i = 0; i < 20; i++) {
      await step();
      seen.push(held());
    }
    expect(seen).toEqual(Array(20).fill(VARIABLE));
    expect(await numbersOf([unread])).toEqual([999]);
    expect(held()).toBe(0);
    variable.dispose();
  });

  it("one a step keeps no more than the limit and one step's values, and each is right when it is read", async () => {
    const { variable, step } = counting();
    const unread: tf.Tensor[] = [];
    const seen: number[] = [];
    for (let i = 0; i < 20; i++) {
      unread.push(tf.max(variable)); // 999 + i
      await step();
      seen.push(held());
    }
    expect(Math.max(...seen)).toBeGreaterThan(VARIABLE); // two fit the limit of 10,000: they are not run at once
    expect(Math.max(...seen)).toBeLessThanOrEqual(LIMIT + VARIABLE);
    expect(seen.filter((bytes) => bytes <= VARIABLE).length).toBeGreaterThan(3); // and are run again and again
    expect(await numbersOf(unread)).toEqual(Array.from({ length: 20 }, (_, i) => 999 + i));
    variable.dispose();
  });

  it("a sum over all steps is computed as it grows", async () => {
    const { variable, step } = counting();
    let sum: tf.Tensor = tf.scalar(0);
    for (let i = 0; i < 30; i++) {
      const before = sum;
      sum = tf.tidy(() => tf.add(before, tf.min(variable))); // 0 + i
      before.dispose();
      await step();
      expect(held()).toBeLessThanOrEqual(LIMIT + VARIABLE);
    }
    expect(await numbersOf([sum])).toEqual([435]); // 0 + 1 + … + 29
    variable.dispose();
  });

  it("holds also where each step is recorded and read, and others stay unread", async () => {
    const variable = tf.tidy(() => tf.variable(tf.range(0, VARIABLE / 4), false));
    const other = tf.square(tf.tensor1d([3]));
    const unread: tf.Tensor[] = [];
    for (let i = 0; i < 10; i++) {
      unread.push(tf.max(variable));
      tf.tidy(() => variable.assign(tf.add(variable, 1) as tf.Tensor1D));
      await variable.data(); // runs everything that waits
      expect(held()).toBe(0);
    }
    expect(await numbersOf([...unread, other])).toEqual([
      ...Array.from({ length: 10 }, (_, i) => 999 + i),
      9,
    ]);
    variable.dispose();
  });

  it("what waits for nothing that is disposed of is left alone, however much it is", async () => {
    const { variable, step } = counting();
    const large = tf.zeros([100_000]);
    const total = tf.sum(large);
    for (let i = 0; i < 8; i++) await step();
    expect(() => total.dataSync()).toThrow(/not been computed/);
    expect(await numbersOf([total])).toEqual([0]);
    tf.dispose([variable, large]);
  });

  it("a recording that cannot be run fails where it is read, not in the steps, and then what it keeps goes", async () => {
    const { variable, step } = counting(LIMIT / 2); // 20,000 bytes
    for (let i = 0; i < 3; i++) await step();
    // ONNX Runtime refuses tensors of more than 4 GiB only when it runs.
    const hopeless = tf.tidy(() => tf.max(tf.tile(tf.reshape(variable, [-1, 1]), [1, 2 ** 30])));
    for (let i = 3; i < 8; i++) await step();
    const also = tf.min(variable); // 0 + 8
    for (let i = 8; i < 16; i++) await step();
    expect(await numbersOf([also])).toEqual([8]);
    await expect(hopeless.data()).rejects.toMatchObject({ name: "BackendError", code: "runtime" });
    expect(held()).toBe(2 * LIMIT);
    hopeless.dispose();
    expect(held()).toBe(0);
    variable.dispose();
  });
});
