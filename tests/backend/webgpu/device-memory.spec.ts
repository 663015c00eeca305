import { beforeAll, expect, it } from "vitest";
import { type OnnxBackend, RecordedFunction, selectEngine } from "../../../src/backend/index.js";
import * as tf from "../../../src/tf/index.js";

const MIB = 2 ** 20;
/** Of the engine's own choice: `maxHeldBytes`. */
const LIMIT = 64 * MIB;
const VARIABLE = 16 * MIB;
const STEPS = 12;

beforeAll(() => selectEngine({ device: "webgpu" }));

const onDevice = () => (tf.backend() as OnnxBackend).memory().numBytesOnDevice;

/** Replaces a variable at each step, with what `record` makes beside it unread. @returns what was made, and the most bytes */
async function trained(record: (variable: tf.Variable, step: number) => tf.Tensor | undefined) {
  const variable = tf.tidy(() => tf.variable(tf.zeros([VARIABLE / 4]), false));
  const step = new RecordedFunction(({ one }: { one: tf.Tensor }) => {
    variable.assign(tf.add(variable, one));
    return { first: tf.slice(variable, [0], [1]) };
  });
  const made: tf.Tensor[] = [];
  let most = 0;
  const one = tf.scalar(1);
  for (let i = 0; i < STEPS; i++) {
    made.push(...[record(variable, i)].filter((tensor) => tensor !== undefined));
    const { first } = await step.call({ one });
    first.dispose();
    most = Math.max(most, onDevice());
  }
  tf.dispose([variable, one]);
  return { made, most };
}

async function numbersOf(tensors: readonly tf.Tensor[]): Promise<number[]> {
  const values = await Promise.all(tensors.map(async (tensor) => (await tensor.data())[0] as number));
  tf.dispose([...tensors]);
  return values;
}

it("a tensor that is never read keeps the weights that it waits for, and not those of every later step", async () => {
  const { made, most } = await trained((variable, i) => (i === 2 ? tf.max(variable) : undefined));
  expect(most).toBeGreaterThanOrEqual(2 * VARIABLE); // the variables are there
  expect(most).toBeLessThanOrEqual(LIMIT + 3 * VARIABLE); // all steps' would be 192 MiB
  expect(await numbersOf(made)).toEqual([2]);
});

it("one such tensor a step is computed when they keep too much", async () => {
  const { made, most } = await trained((variable) => tf.max(variable));
  expect(most).toBeLessThanOrEqual(LIMIT + 3 * VARIABLE);
  expect(await numbersOf(made)).toEqual(Array.from({ length: STEPS }, (_, i) => i));
});
