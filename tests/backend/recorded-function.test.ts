import { beforeAll, describe, expect, it } from "vitest";
import { type OnnxBackend, RecordedFunction } from "../../src/backend/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

beforeAll(useEngine);

/** w ← w − rate·d/dw Σ (w·x − 3)², and how often the body was called. */
function descent(start: number[]) {
  const weights = tf.tidy(() => tf.variable(tf.tensor1d(start)));
  const calls = { count: 0 };
  const step = new RecordedFunction(({ x, rate }: { x: tf.Tensor; rate: tf.Tensor }) => {
    calls.count++;
    const { value, grads } = tf.variableGrads(
      () => tf.sum(tf.square(tf.sub(tf.mul(weights, x), 3))) as tf.Scalar,
      [weights],
    );
    weights.assign(tf.sub(weights, tf.mul(grads[weights.name] as tf.Tensor, rate)));
    return { loss: value, row: tf.reshape(weights, [1, -1]) };
  });
  return { weights, calls, step };
}

async function callDescent(
  step: ReturnType<typeof descent>["step"],
  x: number[],
  rate: number,
): Promise<{ loss: number; row: number[]; shape: number[] }> {
  const inputs = { x: tf.tensor1d(x), rate: tf.scalar(rate) };
  const { loss, row } = await step.call(inputs);
  const found = {
    loss: (await loss.data())[0] as number,
    row: [...(await row.data())],
    shape: row.shape,
  };
  tf.dispose([inputs, loss, row]);
  return found;
}

/** The same step in plain numbers, rounded to float32 at the end. */
function expectedDescent(w: number[], x: number[], rate: number): { loss: number; w: number[] } {
  const errors = w.map((value, i) => value * (x[i] as number) - 3);
  return {
    loss: errors.reduce((sum, error) => sum + error * error, 0),
    w: w.map((value, i) => value - rate * 2 * (errors[i] as number) * (x[i] as number)),
  };
}

async function numbersOf(tensor: tf.Tensor): Promise<number[]> {
  return [...(await tensor.data())];
}

describe("RecordedFunction", () => {
  it("repeats what it recorded twice, on the inputs of the call and the variables as they are", async () => {
    const { weights, calls, step } = descent([1, -2]);
    let expected = [1, -2];
    for (const [i, rate] of [0.1, 0.05, 0.02, 0.03, 0.01].entries()) {
      const x = [1 + i, 0.5 * i];
      const { loss, w } = expectedDescent(expected, x, rate);
      const found = await callDescent(step, x, rate);
      expect(found.loss).toBeCloseTo(loss, 3);
      expect(found.shape).toEqual([1, 2]);
      for (const [j, value] of w.entries()) expect(found.row[j]).toBeCloseTo(value, 4);
      expect(await numbersOf(weights)).toEqual(found.row);
      expected = w;
    }
    expect(calls.count).toBe(2);
    weights.dispose();
  });

  it("sees what others assign to a variable between two calls", async () => {
    const { weights, calls, step } = descent([1, 1]);
    for (let i = 0; i < 3; i++) await callDescent(step, [1, 2], 0.1);
    tf.tidy(() => weights.assign(tf.add(tf.tensor1d([3, 4]), 1))); // not computed yet
    const { row } = await callDescent(step, [1, 2], 0.1);
    const { w } = expectedDescent([4, 5], [1, 2], 0.1);
    for (const [j, value] of w.entries()) expect(row[j]).toBeCloseTo(value, 4);
    expect(calls.count).toBe(2);
    weights.dispose();
  });

  it("follows a variable whose first value was still to be computed when it was recorded", async () => {
    const weights = tf.tidy(() => tf.variable(tf.add(tf.tensor1d([1, 2]), 1)));
    const weighted = new RecordedFunction(({ x }: { x: tf.Tensor }) => ({ sum: tf.sum(tf.mul(x, weights)) }));
    const sumOf = async (numbers: number[]) => {
      const x = tf.tensor1d(numbers);
      const { sum } = await weighted.call({ x });
      const [value] = await sum.data();
      tf.dispose([x, sum]);
      return value;
    };
    for (let i = 0; i < 3; i++) expect(await sumOf([1, 10])).toBe(2 + 30);
    tf.tidy(() => weights.assign(tf.tensor1d([4, 5])));
    expect(await sumOf([1, 10])).toBe(4 + 50);
    weights.dispose();
  });

  it("runs calls that were not awaited one after another", async () => {
    const { weights, step } = descent([1, 1]);
    const inputs = { x: tf.tensor1d([1, 2]), rate: tf.scalar(0.1) };
    const results = await Promise.all([1, 2, 3, 4, 5].map(() => step.call(inputs)));
    let w = [1, 1];
    for (const { loss } of results) {
      const expected = expectedDescent(w, [1, 2], 0.1);
      expect((await loss.data())[0]).toBeCloseTo(expected.loss, 3);
      w = expected.w;
    }
    tf.dispose([inputs, ...results, weights]);
  });

  it("keeps one plan for each shape of its inputs", async () => {
    let calls = 0;
    const total = new RecordedFunction(({ x }: { x: tf.Tensor }) => {
      calls++;
      return { sum: tf.sum(tf.square(x)) };
    });
    for (let round = 0; round < 4; round++) {
      for (const size of [2, 3]) {
        const x = tf.fill([size], round + 1);
        const { sum } = await total.call({ x });
        expect((await sum.data())[0]).toBe(size * (round + 1) ** 2);
        tf.dispose([x, sum]);
      }
    }
    expect(calls).toBe(4);
  });

  it.each<[string, (call: number, w: tf.Variable) => tf.Tensor]>([
    ["a number that changes", (call) => tf.scalar(call)],
    ["random numbers", () => tf.randomUniform([2], 0, 1, "float32")],
    ["a variable's values, read", (_, w) => tf.scalar(w.dataSync()[0] as number)],
    ["a new variable", () => tf.variable(tf.zeros([2]), false)],
  ])("records every call of a function with %s", async (_, term) => {
    let calls = 0;
    const w = tf.tidy(() => tf.variable(tf.tensor1d([5, 6])));
    const made: tf.Tensor[] = [];
    const body = ({ x }: { x: tf.Tensor }) => {
      const added = term(calls++, w);
      if (added instanceof tf.Variable) made.push(added);
      return { y: tf.add(tf.add(x, w), added) };
    };
    const sum = new RecordedFunction(body);
    const x = tf.tensor1d([1, 2]);
    for (let i = 0; i < 4; i++) {
      const { y } = await sum.call({ x });
      await y.data();
      y.dispose();
      expect(sum.repeats({ x })).toBe(false);
    }
    expect(calls).toBe(4);
    tf.dispose([w, x, ...made]);
  });

  it("waits until two variables that began with shared data have their own", async () => {
    const weights = tf.tidy(() => tf.variable(tf.tensor1d([1, 2])));
    const average = tf.tidy(() => tf.variable(tf.clone(weights), false));
    let calls = 0;
    const step = new RecordedFunction(({ gain }: { gain: tf.Tensor }) => {
      calls++;
      weights.assign(tf.mul(weights, gain));
      average.assign(tf.mul(tf.add(average, weights), 0.5));
      return { sum: tf.sum(average) };
    });
    let [w, a] = [
      [1, 2],
      [1, 2],
    ];
    for (const gain of [2, 4, 0.5, 8, 0.25]) {
      const inputs = { gain: tf.scalar(gain) };
      const { sum } = await step.call(inputs);
      w = w.map((value) => value * gain);
      a = a.map((value, i) => (value + (w[i] as number)) / 2);
      expect((await sum.data())[0]).toBe((a[0] as number) + (a[1] as number));
      expect(await numbersOf(average)).toEqual(a);
      tf.dispose([inputs, sum]);
    }
    expect(calls).toBe(3);
    tf.dispose([weights, average]);
  });

  it("records again when its graph is no longer kept", async () => {
    const backend = tf.backend() as OnnxBackend;
    const { weights, calls, step } = descent([2, 2]);
    for (let i = 0; i < 3; i++) await callDescent(step, [1, 2], 0.1);
    expect(calls.count).toBe(2);
    await backend.setThreads(2);
    await backend.setThreads(1);
    const before = await numbersOf(weights);
    const { row } = await callDescent(step, [1, 2], 0.1);
    expect(calls.count).toBe(3);
    const { w } = expectedDescent(before, [1, 2], 0.1);
    for (const [j, value] of w.entries()) expect(row[j]).toBeCloseTo(value, 4);
    weights.dispose();
  });

  it("names a variable that has been disposed", async () => {
    const { weights, step } = descent([1, 1]);
    for (let i = 0; i < 3; i++) await callDescent(step, [1, 2], 0.1);
    weights.dispose();
    await expect(callDescent(step, [1, 2], 0.1)).rejects.toThrow(
      expect.objectContaining({ code: "disposed", message: expect.stringContaining(weights.name) }),
    );
  });

  it("keeps the number of tensors and bytes, and compiles one graph, which tf.memory() counts", async () => {
    const { weights, step } = descent([1, 1, 1]);
    const graphs = () => (tf.memory() as unknown as { compiledGraphs: number }).compiledGraphs;
    const before = graphs();
    await callDescent(step, [1, 2, 3], 0.1);
    expect(graphs()).toBe(before + 1);
    const { numTensors, numDataBuffers, numBytes } = tf.memory();
    for (let i = 0; i < 20; i++) await callDescent(step, [1, 2, 3], 0.01 * i);
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers, numBytes, compiledGraphs: before + 1 });
    weights.dispose();
  });
});

describe("RecordedFunction that was repeated", () => {
  /** Calls a function of its call's number until one fails; the numbers, from 1, of the calls that were recorded. */
  async function callsOf(
    term: (call: number) => tf.Tensor,
    { calls, record = () => false }: { calls: number; record?: (call: number) => boolean },
  ): Promise<{ recorded: number[]; sums: number[]; error: unknown }> {
    let call = 0;
    const recorded: number[] = [];
    const total = tf.tidy(() => tf.variable(tf.scalar(0)));
    const step = new RecordedFunction(({ x }: { x: tf.Tensor }) => {
      recorded.push(call);
      total.assign(tf.add(total, tf.mul(x, term(call))));
      return { sum: tf.clone(total) };
    });
    const sums: number[] = [];
    const before = tf.memory().numTensors;
    try {
      while (++call <= calls) {
        const x = tf.scalar(call);
        const { sum } = await step.call({ x }, { record: record(call) }).finally(() => x.dispose());
        sums.push((await sum.data())[0] as number);
        sum.dispose();
      }
      return { recorded, sums, error: undefined };
    } catch (error) {
      return { recorded, sums, error };
    } finally {
      expect(tf.memory().numTensors).toBe(before);
      total.dispose();
    }
  }

  it("is recorded again after 16, 32 … 256 calls, with the same results as ever", async () => {
    const { recorded, sums, error } = await callsOf(() => tf.scalar(2), { calls: 850 });
    expect(error).toBeUndefined();
    // 2 + 16 + 1 = 19, 19 + 32 + 1 = 52, + 65 = 117, + 129 = 246, + 257 = 503, + 257 = 760
    expect(recorded).toEqual([1, 2, 19, 52, 117, 246, 503, 760]);
    // 2·Σ 1..n = n(n + 1), exact in float32 below 2^24
    expect(sums).toEqual(Array.from({ length: 850 }, (_, i) => (i + 1) * (i + 2)));
  });

  it("is recorded when the caller wants it", async () => {
    const { recorded } = await callsOf(() => tf.scalar(2), { calls: 30, record: (call) => call % 10 === 0 });
    // Each recording doubles what follows: 2 + 16 would be 19, after 10 it is 10 + 33.
    expect(recorded).toEqual([1, 2, 10, 20, 30]);
  });

  it.each<[string, number, number, (hasChanged: boolean) => tf.Tensor]>([
    ["a constant", 10, 19, (hasChanged) => tf.scalar(hasChanged ? 3 : 2)],
    ["the sign of a zero", 40, 52, (hasChanged) => tf.scalar(hasChanged ? -0 : 0)],
    [
      "an operation",
      600,
      760,
      (hasChanged) => (hasChanged ? tf.sqrt(tf.scalar(4)) : tf.square(tf.scalar(2))),
    ],
    ["one operation more", 52, 52, (hasChanged) => (hasChanged ? tf.neg(tf.scalar(2)) : tf.scalar(2))],
    ["randomness", 117, 117, (hasChanged) => (hasChanged ? tf.randomUniform([]) : tf.scalar(2))],
    [
      "a value that is read",
      20,
      52,
      (hasChanged) => tf.scalar(hasChanged ? (tf.scalar(2).dataSync()[0] as number) : 2),
    ],
  ])("fails when it has changed: %s, from call %i, is found at call %i", async (_, from, found, term) => {
    const { recorded, sums, error } = await callsOf((call) => term(call >= from), { calls: 2000 });
    expect(error).toMatchObject({ name: "BackendError", code: "not-repeatable" });
    expect(recorded.at(-1)).toBe(found);
    expect(sums).toHaveLength(found - 1);
  });

  it("is found to have changed at the call that the caller wants recorded", async () => {
    const { recorded, error } = await callsOf((call) => tf.scalar(call < 70 ? 2 : 3), {
      calls: 75,
      record: (call) => call === 75,
    });
    expect(error).toMatchObject({
      code: "not-repeatable",
      message: expect.stringContaining("last 22 calls"),
    });
    expect(recorded).toEqual([1, 2, 19, 52, 75]);
  });
});

describe("RecordedFunction on another backend", () => {
  it("calls the function each time", async () => {
    await tf.setBackend("cpu");
    try {
      let calls = 0;
      const square = new RecordedFunction(({ x }: { x: tf.Tensor }) => {
        calls++;
        return { y: tf.square(x) };
      });
      const x = tf.scalar(3);
      for (let i = 0; i < 3; i++) {
        const { y } = await square.call({ x });
        expect((await y.data())[0]).toBe(9);
        y.dispose();
      }
      expect(calls).toBe(3);
      x.dispose();
    } finally {
      await useEngine();
    }
  });
});
