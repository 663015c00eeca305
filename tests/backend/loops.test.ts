import { beforeAll, describe, expect, it } from "vitest";
import { type OnnxBackend, RecordedFunction } from "../../src/backend/index.js";
import { ElementLoop } from "../../src/backend/loops/element-loop.js";
import { splitRecording } from "../../src/backend/loops/recording-tail.js";
import { RecycledArrays } from "../../src/backend/loops/recycled-arrays.js";
import type { ElementProgram } from "../../src/backend/loops/simd-module.js";
import { Tensor as OrtTensor } from "../../src/backend/onnxruntime.js";
import { collect, DataRecord } from "../../src/backend/recording.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

beforeAll(useEngine);

/** −√(a·a + s)/b − a, and a·a + s beside it. */
const program: ElementProgram = {
  arrays: 2,
  scalars: 1,
  nodes: [
    { operator: "mul", operands: [{ array: 0 }, { array: 0 }] },
    { operator: "add", operands: [{ node: 0 }, { scalar: 0 }] },
    { operator: "sqrt", operands: [{ node: 1 }] },
    { operator: "neg", operands: [{ node: 2 }] },
    { operator: "div", operands: [{ node: 3 }, { array: 1 }] },
    { operator: "sub", operands: [{ node: 4 }, { array: 0 }] },
  ],
  results: [5, 1],
};

/** The same, each operation rounded to float32, as IEEE 754 has it: a double holds its exact value closely enough. */
function expected(a: number, b: number, s: number): [number, number] {
  const round = Math.fround;
  const sum = round(round(a * a) + s);
  return [round(round(-round(Math.sqrt(sum)) / b) - a), sum];
}

describe("ElementLoop", () => {
  // One block of 8,192, a part of one, and lengths that four does not divide.
  it.each([1, 3, 8192, 8193, 20_003])("computes %i elements, each rounded as float32", (length) => {
    const a = Float32Array.from({ length }, (_, i) => Math.fround(Math.sin(i) * 3));
    const b = Float32Array.from({ length }, (_, i) => Math.fround(1.5 + Math.cos(i)));
    const results = [new Float32Array(length), new Float32Array(length)];
    const s = Math.fround(0.3);
    ElementLoop.of(program).run([a, b], [s], results);
    for (const i of [0, 1, length >> 1, length - 2, length - 1].filter((at) => at >= 0 && at < length)) {
      const found = results.map((result) => result[i]);
      expect(found).toEqual(expected(a[i] as number, b[i] as number, s));
    }
  });

  it("may write to what it reads", () => {
    const a = Float32Array.of(1, 2, 3, 4, 5);
    const b = Float32Array.of(2, 2, 2, 2, 2);
    ElementLoop.of(program).run([a, b], [0], [a, b]);
    // −√(a²)/2 − a = −1.5·a, and a².
    expect([...a]).toEqual([-1.5, -3, -4.5, -6, -7.5]);
    expect([...b]).toEqual([1, 4, 9, 16, 25]);
  });
});

/** Gradient descent with momentum, as plain TensorFlow.js: the gradient is a product, so the graph keeps that. */
function momentumStep() {
  const weights = tf.tidy(() => tf.variable(tf.tensor2d([1, -2, 3, 4, -5, 6], [2, 3])));
  const speed = tf.tidy(() => tf.variable(tf.tensor2d([0, 0, 0, 0, 0, 0], [2, 3])));
  const body = ({ x, rate }: { x: tf.Tensor2D; rate: tf.Scalar }) => {
    const gradient = tf.matMul(x, weights as tf.Tensor2D);
    speed.assign(tf.add(tf.mul(speed, 0.5), gradient));
    weights.assign(tf.sub(weights, tf.mul(speed, rate)));
    return { gradient };
  };
  return { weights, speed, body, dispose: () => tf.dispose([weights, speed]) };
}

const recordOf = ({ dataId }: tf.Tensor): DataRecord => (tf.backend() as OnnxBackend).recordOf(dataId);

describe("the end of a recording", () => {
  it("is a loop where it makes more than it reads of the graph, and the graph keeps the rest", () => {
    const { weights, speed, body, dispose } = momentumStep();
    const x = tf.tensor2d([1, 2, 3, 4], [2, 2]);
    const rate = tf.scalar(0.1);
    const { gradient } = tf.tidy(() => body({ x, rate }));
    const split = splitRecording(collect([weights, speed, gradient].map(recordOf)));
    expect(split.operations.map(({ kernel }) => kernel.name)).toEqual(["BatchMatMul"]);
    expect(split.targets).toEqual([recordOf(gradient)]);
    expect(split.loops).toHaveLength(1);
    expect(split.loops[0]?.results).toEqual([speed, weights].map(recordOf));
    // Read by a product, the weights are the graph's: nothing is left that pays.
    const read = tf.matMul(x, weights as tf.Tensor2D);
    const whole = splitRecording(collect([weights, speed, read].map(recordOf)));
    expect(whole.loops).toEqual([]);
    tf.dispose([x, rate, gradient, read]);
    dispose();
  });

  it("leaves a formula of one result to the graph", () => {
    const made = tf.tidy(() => tf.add(tf.mul(tf.tensor1d([1, 2, 3]), 2), 1));
    expect(splitRecording(collect([recordOf(made)])).loops).toEqual([]);
    made.dispose();
  });

  it("computes what the graph would, over repeated steps, and writes to no array that somebody has", async () => {
    const { weights, speed, body, dispose } = momentumStep();
    const step = new RecordedFunction(body);
    const x = tf.tensor2d([0.1, 0.2, 0.3, 0.4], [2, 2]);
    let [w, v] = [
      [1, -2, 3, 4, -5, 6],
      [0, 0, 0, 0, 0, 0],
    ];
    const seen: { values: Float32Array; copy: number[] }[] = [];
    for (const [i, rate] of [0.1, 0.2, 0.05, 0.1, 0.3, 0.1].entries()) {
      const inputs = { x, rate: tf.scalar(rate) };
      const { gradient } = await step.call(inputs);
      const g = [0, 1, 2, 3, 4, 5].map((at) => {
        const [row, column] = [Math.floor(at / 3), at % 3];
        return [0, 1].reduce((sum, k) => sum + 0.1 * (2 * row + k + 1) * (w[3 * k + column] as number), 0);
      });
      v = v.map((value, at) => 0.5 * value + (g[at] as number));
      w = w.map((value, at) => value - rate * (v[at] as number));
      if (i % 2 === 1) {
        // What is read may be kept by its reader, who must not see later steps in it.
        const values = (await weights.data()) as Float32Array;
        expect([...values].map((value, at) => Math.abs(value - (w[at] as number)) < 1e-5)).toEqual(
          Array(6).fill(true),
        );
        seen.push({ values, copy: [...values] });
      }
      tf.dispose([gradient, inputs.rate]);
    }
    for (const { values, copy } of seen) expect([...values]).toEqual(copy);
    expect([...(await speed.data())].map((value, at) => Math.abs(value - (v[at] as number)) < 1e-5)).toEqual(
      Array(6).fill(true),
    );
    x.dispose();
    dispose();
  });

  it("keeps an array that a recorded operation still waits for", async () => {
    const { weights, body, dispose } = momentumStep();
    const step = new RecordedFunction(body);
    const x = tf.tensor2d([0.1, 0.2, 0.3, 0.4], [2, 2]);
    const call = async () => {
      const rate = tf.scalar(0.1);
      const { gradient } = await step.call({ x, rate });
      tf.dispose([gradient, rate]);
    };
    for (let i = 0; i < 4; i++) await call();
    const copy = tf.tidy(() => tf.variable(tf.clone(weights)));
    const before = [...(await copy.data())];
    await call(); // the weights are a fresh array, which nobody has read
    const waiting = tf.tidy(() => tf.mul(weights, 2));
    const expected = tf.tidy(() => tf.mul(weights, 1));
    const now = [...(await expected.data())];
    expect(now).not.toEqual(before);
    for (let i = 0; i < 3; i++) await call();
    const found = [...(await waiting.data())];
    expect(found).toEqual(now.map((value) => 2 * value));
    tf.dispose([x, copy, waiting, expected]);
    dispose();
  });
});

describe("RecycledArrays", () => {
  function retired(pool: RecycledArrays, data: Float32Array, isRecyclable = true): DataRecord {
    const shape = [data.length];
    const record = DataRecord.known({ shape, dtype: "float32" }, new OrtTensor("float32", data, shape));
    record.isRecyclable = isRecyclable;
    pool.retire(record);
    return record;
  }

  it("gives out again what nothing waits for and nobody has read", () => {
    const pool = new RecycledArrays();
    const [free, awaited, read] = [new Float32Array(5), new Float32Array(5), new Float32Array(5)];
    retired(pool, free);
    const waiting = retired(pool, awaited);
    retired(pool, read, false);
    pool.sweep(new Set([waiting]));
    expect(pool.take(5)).toBe(free);
    expect([awaited, read]).not.toContain(pool.take(5));
    pool.sweep();
    expect(pool.take(4)).toHaveLength(4);
    expect(pool.take(5)).toBe(awaited);
  });

  it("lets arrays go that no run takes", () => {
    const pool = new RecycledArrays();
    const array = new Float32Array(7);
    retired(pool, array);
    for (let sweep = 0; sweep < 100; sweep++) pool.sweep();
    expect(pool.take(7)).not.toBe(array);
  });
});
