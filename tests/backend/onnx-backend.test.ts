import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, it, vi } from "vitest";
import {
  BackendError,
  engineStatuses,
  freezeTensors,
  InferenceSession,
  type OnnxBackend,
  releaseGraphs,
  selectEngine,
} from "../../src/backend/index.js";
import { backendName, registerOnnxBackend } from "../../src/backend/register.js";
import { Random } from "../../src/core/random.js";
import * as tf from "../../src/tf/index.js";

function backend(): OnnxBackend {
  return tf.backend() as OnnxBackend;
}

async function valuesOf(tensor: tf.Tensor): Promise<number[]> {
  const values = [...(await tensor.data())];
  tensor.dispose();
  return values;
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof BackendError ? `${error.code}: ${error.message}` : String(error);
}

describe("the recording backend", () => {
  beforeAll(() => selectEngine({ engine: "onnxruntime", threads: 2 }));

  it("refuses a synchronous read of a pending tensor and names what to call", async () => {
    const sum = tf.tidy(() => tf.add(tf.tensor1d([1, 2]), 1));
    expect(() => sum.dataSync()).toThrow(/await tensor\.data\(\)/);
    expect(await valuesOf(sum)).toEqual([2, 3]);
  });

  it("reads a computed tensor, or one made from values, synchronously", async () => {
    const x = tf.tensor1d([3, 4]);
    expect([...x.dataSync()]).toEqual([3, 4]);
    const y = x.mul(2);
    await y.data();
    expect([...y.dataSync()]).toEqual([6, 8]);
    tf.dispose([x, y]);
  });

  it("compiles a repeated step once, once more when a scalar turns out to change, then never", async () => {
    const state = tf.variable(tf.tensor1d([1, 2, 3]));
    const before = backend().memory().compiledGraphs;
    const seen: number[][] = [];
    for (const rate of [0.5, 0.25, 0.125, 2]) {
      tf.tidy(() => state.assign(state.mul(rate) as tf.Tensor1D));
      seen.push([...(await state.data())]);
    }
    expect(seen).toEqual([
      [0.5, 1, 1.5],
      [0.125, 0.25, 0.375],
      [0.015625, 0.03125, 0.046875],
      [0.03125, 0.0625, 0.09375],
    ]);
    expect(backend().memory().compiledGraphs).toBe(before + 1);
    state.dispose();
  });

  it("never builds a variable in, so that it adds in one order before and after the variable changes", async () => {
    const bias = tf.variable(tf.tensor1d([0.1, 0.2, 0.3]));
    const compile = vi.spyOn(InferenceSession, "create");
    try {
      const sum = () => valuesOf(tf.tidy(() => tf.sum(tf.add(bias, tf.ones([2, 3])))));
      const [first] = await sum();
      expect(first).toBeCloseTo(7.2);
      bias.assign(tf.tensor1d([3, 2, 1]));
      expect(await sum()).toEqual([18]);
      expect(compile).toHaveBeenCalledTimes(1);
    } finally {
      compile.mockRestore();
      bias.dispose();
    }
  });

  it("builds frozen tensors in, and feeds what replaces them", async () => {
    const before = backend().memory().compiledGraphs;
    const weights = tf.variable(tf.range(0, 40));
    freezeTensors([weights]);
    const sumWith = (other: tf.Tensor) => valuesOf(tf.tidy(() => other.mul(tf.range(0, 40)).sum()));
    expect(await sumWith(weights)).toEqual([20540]); // 39·40·79/6
    expect(await sumWith(weights)).toEqual([20540]);
    expect(backend().memory().compiledGraphs).toBe(before + 1);
    const other = tf.variable(tf.ones([40]));
    freezeTensors([other]);
    expect(await sumWith(other)).toEqual([780]);
    expect(await sumWith(weights)).toEqual([20540]);
    expect(backend().memory().compiledGraphs).toBe(before + 2); // each has its own
    weights.assign(tf.tensor1d(new Array(40).fill(2)));
    expect(await sumWith(weights)).toEqual([1560]);
    const pending = tf.tidy(() => tf.ones([30]).add(1));
    expect(() => freezeTensors([pending])).toThrow(/await tensor\.data\(\)/);
    tf.dispose([weights, other, pending]);
  });

  it("releases the graphs that a frozen tensor is built into when it is disposed", async () => {
    const before = backend().memory().compiledGraphs;
    const weights = tf.tensor1d([1, 2, 4]);
    const input = tf.tensor1d([3, 5, 7]);
    freezeTensors([weights]);
    const product = tf.tidy(() => tf.dot(weights, input));
    expect(await product.data()).toEqual(Float32Array.of(41));
    expect(backend().memory().compiledGraphs).toBe(before + 1);
    weights.dispose();
    await valuesOf(tf.tidy(() => tf.sub(input, 1))); // what is released is released in turn
    expect(backend().memory().compiledGraphs).toBe(before + 1);
    tf.dispose([input, product]);
  });

  it("releases all graphs on demand, and compiles again what is computed again", async () => {
    const input = tf.tensor1d([3, 5, 7]);
    const sum = () => valuesOf(tf.tidy(() => tf.sum(tf.square(input))));
    expect(await sum()).toEqual([83]);
    expect(backend().memory().compiledGraphs).toBeGreaterThan(0);
    await releaseGraphs();
    expect(backend().memory().compiledGraphs).toBe(0);
    expect(await sum()).toEqual([83]);
    expect(backend().memory().compiledGraphs).toBe(1);
    input.dispose();
  });

  it("tells 0 from -0 and NaN among built-in constants", async () => {
    const inverse = (x: number) => valuesOf(tf.tidy(() => tf.div(tf.scalar(1), tf.scalar(x))));
    expect(await inverse(0)).toEqual([Infinity]);
    expect(await inverse(-0)).toEqual([-Infinity]);
    expect(await inverse(Number.NaN)).toEqual([Number.NaN]);
  });

  it("computes with the values a tensor had when the operation was recorded", async () => {
    const v = tf.variable(tf.scalar(2));
    const squared = tf.square(v);
    v.assign(tf.scalar(10));
    expect(await valuesOf(squared)).toEqual([4]);
    expect([...(await v.data())]).toEqual([10]);
    v.dispose();
  });

  it("shares data between reshapes and frees it with the last of them", async () => {
    const { numTensors, numBytes } = tf.memory();
    const a = tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3]);
    const b = a.reshape([3, 2]);
    a.dispose();
    const c = b.matMul(tf.tensor2d([[1], [1]]));
    expect(await valuesOf(c.reshape([3]))).toEqual([3, 7, 11]);
    tf.dispose([b, c]);
    expect(tf.memory().numTensors - numTensors).toBe(1); // the literal inside matMul
    expect(tf.memory().numBytes - numBytes).toBe(8);
  });

  it("answers concurrent reads in one go", async () => {
    const x = tf.tensor1d([1, 2, 3]);
    const results = tf.tidy(() => [x.add(1), x.mul(2), x.square().sum()]);
    const values = await Promise.all(results.map(async (t) => [...(await t.data())]));
    expect(values).toEqual([[2, 3, 4], [2, 4, 6], [14]]);
    tf.dispose([x, ...results]);
  });

  it("keeps working after a graph that ONNX Runtime refuses, and fails only what depends on it", async () => {
    const bad = tf.tidy(() => tf.gather(tf.tensor1d([1, 2, 3]), tf.tensor1d([7, 99], "int32")));
    const good = tf.tidy(() => tf.tensor1d([1, 2]).add(5));
    expect(await codeOf(bad.data())).toMatch(/^runtime: .*ONNX Runtime/);
    expect(await valuesOf(good)).toEqual([6, 7]);
    bad.dispose();
  });

  it("names a kernel that is missing", () => {
    expect(() => tf.engine().runKernel("Frobnicate", {})).toThrow(
      /Kernel 'Frobnicate' not registered for backend 'onnxruntime'/,
    );
  });

  it("sums repeated indices right, and the same with one thread and two", async () => {
    const random = new Random(1, "segments");
    const rows = 8192;
    const width = 16;
    const segments = 64;
    const x = random.fill(rows * width, (r) => r.normal());
    const ids = Int32Array.from({ length: rows }, () => random.integer(segments));
    const expected = new Float64Array(segments * width);
    for (let i = 0; i < rows; i++) {
      for (let d = 0; d < width; d++) {
        expected[(ids[i] as number) * width + d] =
          (expected[(ids[i] as number) * width + d] as number) + (x[i * width + d] as number);
      }
    }
    const runs: number[][] = [];
    for (const threads of [1, 2, 2]) {
      await selectEngine({ engine: "onnxruntime", threads });
      runs.push(
        await valuesOf(
          tf.tidy(() =>
            tf.unsortedSegmentSum(tf.tensor2d(x, [rows, width]), tf.tensor1d(ids, "int32"), segments),
          ),
        ),
      );
    }
    expect(runs[1]).toEqual(runs[0]);
    expect(runs[2]).toEqual(runs[0]);
    for (const [i, value] of (runs[0] ?? []).entries()) expect(value).toBeCloseTo(expected[i] as number, 3);
  });

  it("keeps tensors when the number of threads changes", async () => {
    const x = tf.variable(tf.tensor1d([1, 2, 3]));
    const pending = tf.tidy(() => x.mul(2));
    await selectEngine({ engine: "onnxruntime", threads: 1 });
    expect(backend().memory().compiledGraphs).toBe(0);
    expect(await valuesOf(pending)).toEqual([2, 4, 6]);
    await selectEngine({ engine: "onnxruntime", threads: 2 });
    expect(await valuesOf(tf.tidy(() => x.mul(2)))).toEqual([2, 4, 6]);
    x.dispose();
  });

  it("holds no more compiled graphs than it may", async () => {
    tf.removeBackend(backendName);
    registerOnnxBackend({ threads: 1, maxCompiledGraphs: 3 });
    await tf.setBackend(backendName);
    for (let size = 1; size <= 8; size++) await valuesOf(tf.tidy(() => tf.ones([size]).add(1)));
    expect(backend().memory().compiledGraphs).toBe(3);
    expect(await valuesOf(tf.tidy(() => tf.ones([1]).add(1)))).toEqual([2]);
  });

  it("feeds frozen tensors that are more than graphs may hold", async () => {
    tf.removeBackend(backendName);
    registerOnnxBackend({ threads: 1, maxConstantBytes: 1024 });
    await tf.setBackend(backendName);
    for (const [size, graphsLeft] of [
      [200, 1], // 800 bytes: built in, so the graph goes with the tensor; that of the subtraction is there
      [300, 2], // 1,200 bytes: fed, so the graph stays, beside that of the subtraction
    ] as const) {
      const weights = tf.fill([size], 2);
      const input = tf.tensor1d([3]);
      await weights.data();
      await releaseGraphs();
      freezeTensors([weights]);
      expect(await valuesOf(tf.tidy(() => tf.sum(tf.mul(weights, input))))).toEqual([6 * size]);
      expect(backend().memory().compiledGraphs).toBe(1);
      weights.dispose();
      expect(await valuesOf(tf.tidy(() => tf.sub(input, 1)))).toEqual([2]);
      expect(backend().memory().compiledGraphs).toBe(graphsLeft);
      input.dispose();
    }
  });

  it("stops a recording that nobody reads", async () => {
    tf.removeBackend(backendName);
    registerOnnxBackend({ threads: 1, maxPendingOperations: 100 });
    await tf.setBackend(backendName);
    const state = tf.variable(tf.scalar(0));
    expect(() => {
      for (let i = 0; i < 200; i++) tf.tidy(() => state.assign(state.add(1) as tf.Scalar));
    }).toThrow(/await tensor\.data\(\)/);
    state.dispose();
    tf.removeBackend(backendName);
    registerOnnxBackend({ threads: 2 });
    await tf.setBackend(backendName);
  });
});

describe("engines", () => {
  it("reports each engine, and for one that cannot be used why, in one line", async () => {
    const statuses = await engineStatuses();
    expect(statuses.map(({ name }) => name)).toEqual(["onnxruntime", "tensorflow"]);
    for (const { usable, version, reason } of statuses) {
      if (usable) expect(version).toMatch(/^\d+\.\d+/);
      else expect(reason).toMatch(/^Engine "tensorflow" is not usable: [^\n]+\.$/);
    }
  });

  it("refuses a thread count that is none", async () => {
    expect(await codeOf(selectEngine({ threads: 0 }))).toBe(
      "runtime: threads: expected an integer >= 1, got 0.",
    );
  });
});

describe("privacy", () => {
  it("keeps ONNX Runtime from reporting usage: its reporter would have opened a log", async () => {
    await selectEngine({ engine: "onnxruntime", threads: 2 });
    await valuesOf(tf.tidy(() => tf.ones([3]).add(1)));
    expect(process.env.ORT_DISABLE_TELEMETRY).toBe("1");
    expect(existsSync(join(tmpdir(), `mat-debug-${process.pid}.log`))).toBe(false);
  });
});
