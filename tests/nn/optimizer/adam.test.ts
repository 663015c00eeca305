import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { createOptimizer, type Optimizer, type OptimizerConfig } from "../../../src/nn/optimizer/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

const config: OptimizerConfig = { kind: "adam", beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0 };

/** A convolution kernel, a bias and a codebook: ranks 4, 1 and 2. */
const shapes: Record<string, number[]> = { "conv/kernel": [1, 2, 3, 2], "conv/bias": [2], codebook: [5, 3] };
const names = Object.keys(shapes);

type Numbers = Record<string, number[]>;

function draw(...labels: (string | number)[]): Numbers {
  return Object.fromEntries(
    names.map((name) => {
      const random = new Random(3, name, ...labels);
      const size = (shapes[name] as number[]).reduce((a, b) => a * b, 1);
      return [name, [...random.fill(size, (r) => r.normal())]];
    }),
  );
}

function makeVariable(values: number[], shape: number[], trainable = true): tf.Variable {
  return tf.tidy(() => tf.variable(tf.tensor(values, shape), trainable));
}

function makeVariables(values: Numbers, order = names): Map<string, tf.Variable> {
  return new Map(
    order.map((name) => [name, makeVariable(values[name] as number[], shapes[name] as number[])]),
  );
}

function makeGradients(values: Numbers): Map<string, tf.Tensor> {
  return new Map(Object.entries(values).map(([name, numbers]) => [name, tf.tensor(numbers, shapes[name])]));
}

function applyNumbers(optimizer: Optimizer, values: Numbers, learningRate: number, step: number): void {
  tf.tidy(() => optimizer.apply(makeGradients(values), optimizer.stepScalars({ learningRate, step })));
}

async function read(tensors: ReadonlyMap<string, tf.Tensor>): Promise<Numbers> {
  const result: Numbers = {};
  for (const [name, tensor] of tensors) result[name] = [...(await tensor.data())];
  return result;
}

/** Algorithm 1 of arXiv 1412.6980, and algorithm 2 of 1711.05101, number by number in double precision. */
class PlainAdam {
  readonly #m: Numbers = {};
  readonly #v: Numbers = {};

  apply(
    theta: Numbers,
    gradients: Numbers,
    options: OptimizerConfig & { learningRate: number; step: number },
  ): void {
    const { beta1, beta2, epsilon, weightDecay, kind, learningRate, step } = options;
    for (const [name, weights] of Object.entries(theta)) {
      const decay = shapes[name]?.length === 4 ? weightDecay : 0;
      this.#m[name] ??= weights.map(() => 0);
      this.#v[name] ??= weights.map(() => 0);
      const m = this.#m[name];
      const v = this.#v[name];
      for (let i = 0; i < weights.length; i++) {
        let g = gradients[name]?.[i] as number;
        let w = weights[i] as number;
        if (kind === "adam") g += decay * w;
        else w -= learningRate * decay * w;
        m[i] = beta1 * (m[i] as number) + (1 - beta1) * g;
        v[i] = beta2 * (v[i] as number) + (1 - beta2) * g * g;
        const corrected1 = (m[i] as number) / (1 - beta1 ** step);
        const corrected2 = (v[i] as number) / (1 - beta2 ** step);
        weights[i] = w - (learningRate * corrected1) / (Math.sqrt(corrected2) + epsilon);
      }
    }
  }
}

function expectClose(actual: Numbers, expected: Numbers, tolerance: number): void {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  for (const [name, numbers] of Object.entries(expected)) {
    for (const [i, value] of numbers.entries()) {
      const difference = Math.abs((actual[name]?.[i] as number) - value);
      expect(difference, `${name}[${i}]`).toBeLessThanOrEqual(tolerance * (1 + Math.abs(value)));
    }
  }
}

describe("Adam", () => {
  it.each<[string, Partial<OptimizerConfig>]>([
    ["defaults", {}],
    // Near the gradients' size: a wrongly scaled ε would show.
    ["a large epsilon", { epsilon: 0.3 }],
    ["other moments", { beta1: 0.5, beta2: 0.8 }],
    ["no momentum", { beta1: 0 }],
    ["L2 regularization", { weightDecay: 0.4 }],
    ["decoupled weight decay", { kind: "adamw", weightDecay: 0.4 }],
  ])("equals a plain implementation over five steps: %s", async (_, changes) => {
    const options = { ...config, ...changes };
    const expected = draw("initial");
    const variables = makeVariables(draw("initial"));
    const optimizer = createOptimizer(variables, options);
    const plain = new PlainAdam();
    for (let step = 1; step <= 5; step++) {
      const learningRate = 0.02 * step;
      applyNumbers(optimizer, draw("gradient", step), learningRate, step);
      plain.apply(expected, draw("gradient", step), { ...options, learningRate, step });
    }
    // Five float32 updates of values near 1: half a unit in the last place is 6e-8.
    expectClose(await read(variables), expected, 1e-6);
    optimizer.dispose();
    tf.dispose([...variables.values()]);
  });

  it("moves each weight by the learning rate, against its gradient's sign, in the first step", async () => {
    const variables = makeVariables(draw("initial"));
    const optimizer = createOptimizer(variables, config);
    applyNumbers(optimizer, draw("gradient"), 0.125, 1);
    const expected = draw("initial");
    const gradient = draw("gradient");
    for (const name of names) {
      expected[name] = (expected[name] as number[]).map(
        (w, i) => w - 0.125 * Math.sign(gradient[name]?.[i] as number),
      );
    }
    expectClose(await read(variables), expected, 1e-6);
    optimizer.dispose();
    tf.dispose([...variables.values()]);
  });

  it("decays rank-4 kernels alone", async () => {
    const variables = makeVariables(draw("initial"));
    const optimizer = createOptimizer(variables, { ...config, kind: "adamw", weightDecay: 0.5 });
    const zeros = Object.fromEntries(
      Object.entries(draw("initial")).map(([name, v]) => [name, v.map(() => 0)]),
    );
    applyNumbers(optimizer, zeros, 0.5, 1);
    const { "conv/kernel": kernel, ...rest } = draw("initial");
    expectClose(
      await read(variables),
      { ...rest, "conv/kernel": (kernel as number[]).map((w) => w * 0.75) },
      1e-7,
    );
    optimizer.dispose();
    tf.dispose([...variables.values()]);
  });

  it("gives the same bits in two runs, in whatever order the variables come", async () => {
    const results: Numbers[] = [];
    for (const order of [names, [...names].reverse()]) {
      const variables = makeVariables(draw("initial"), order);
      const optimizer = createOptimizer(variables, config);
      for (let step = 1; step <= 3; step++) applyNumbers(optimizer, draw("gradient", step), 0.01, step);
      results.push({ ...(await read(variables)), ...(await read(optimizer.state())) });
      optimizer.dispose();
      tf.dispose([...variables.values()]);
    }
    expect(results[1]).toEqual(results[0]);
  });

  it("goes on exactly where it stopped when the state is restored by name into reordered variables", async () => {
    const straight = makeVariables(draw("initial"));
    const first = createOptimizer(straight, config);
    for (let step = 1; step <= 2; step++) applyNumbers(first, draw("gradient", step), 0.01, step);

    const resumed = makeVariables(await read(straight), [...names].reverse());
    const second = createOptimizer(resumed, config);
    const saved = first.state();
    expect([...saved.keys()].sort()).toEqual(
      names.flatMap((n) => [`firstMoment/${n}`, `secondMoment/${n}`]).sort(),
    );
    for (const [name, variable] of second.state()) variable.assign(saved.get(name) as tf.Variable);

    applyNumbers(first, draw("gradient", 3), 0.01, 3);
    applyNumbers(second, draw("gradient", 3), 0.01, 3);
    expect(await read(resumed)).toEqual(await read(straight));
    expect(await read(second.state())).toEqual(await read(first.state()));
    first.dispose();
    second.dispose();
    tf.dispose([...straight.values(), ...resumed.values()]);
  });

  it("keeps the moments as decayed sums of the gradients and their squares", async () => {
    const variables = new Map([["w", makeVariable([1, 2], [2])]]);
    const optimizer = createOptimizer(variables, { ...config, beta1: 0.5, beta2: 0.25 });
    for (const [i, numbers] of [
      [4, -2],
      [6, 8],
    ].entries()) {
      tf.tidy(() =>
        optimizer.apply(
          new Map([["w", tf.tensor1d(numbers)]]),
          optimizer.stepScalars({ learningRate: 0.1, step: i + 1 }),
        ),
      );
    }
    const state = await read(optimizer.state());
    expect(state["firstMoment/w"]).toEqual([0.5 * 4 + 6, 0.5 * -2 + 8]);
    expect(state["secondMoment/w"]).toEqual([0.25 * 16 + 36, 0.25 * 4 + 64]);
    optimizer.dispose();
    tf.dispose([...variables.values()]);
  });

  it("converges on a quadratic whose curvatures differ a hundredfold", async () => {
    const target = [3, -1, 0.5];
    const curvature = [10, 1, 0.1];
    const w = makeVariable([0, 0, 0], [3]);
    const optimizer = createOptimizer(new Map([["w", w]]), config);
    for (let step = 1; step <= 400; step++) {
      // d/dw of ½·curvature·(w − target)²
      tf.tidy(() => {
        const gradient = tf.mul(tf.sub(w, tf.tensor1d(target)), tf.tensor1d(curvature));
        optimizer.apply(
          new Map([["w", gradient]]),
          optimizer.stepScalars({ learningRate: 0.2 * (1 - (step - 1) / 400), step }),
        );
      });
      await w.data();
    }
    for (const [i, value] of (await w.data()).entries()) expect(value).toBeCloseTo(target[i] as number, 3);
    optimizer.dispose();
    w.dispose();
  });

  it("skips a variable that has no gradient, weight decay and moments included", async () => {
    const variables = makeVariables(draw("initial"));
    const optimizer = createOptimizer(variables, { ...config, kind: "adamw", weightDecay: 0.1 });
    const { "conv/kernel": _, ...others } = draw("gradient");
    applyNumbers(optimizer, others, 0.01, 1);
    const after = await read(variables);
    const initial = draw("initial");
    expect(after["conv/kernel"]).toEqual(initial["conv/kernel"]);
    expect(after["conv/bias"]).not.toEqual(initial["conv/bias"]);
    expect((await read(optimizer.state()))["firstMoment/conv/kernel"]).toEqual(new Array(12).fill(0));
    optimizer.dispose();
    tf.dispose([...variables.values()]);
  });

  it("keeps no state for variables that are not trainable", () => {
    const variables = new Map([
      ["table", makeVariable([1, 2, 3, 4], [2, 2], false)],
      ["w", makeVariable([5, 6], [2])],
    ]);
    const optimizer = createOptimizer(variables, config);
    expect([...optimizer.state().keys()]).toEqual(["firstMoment/w", "secondMoment/w"]);
    optimizer.dispose();
    tf.dispose([...variables.values()]);
  });

  it("refuses an unknown name and a gradient of another shape, and changes nothing then", async () => {
    const variables = makeVariables(draw("initial"));
    const optimizer = createOptimizer(variables, config);
    const gradients = makeGradients(draw("gradient"));
    const attempt = (name: string, shape: number[]) => (): void => {
      tf.tidy(() =>
        optimizer.apply(
          new Map([...gradients, [name, tf.ones(shape)]]),
          optimizer.stepScalars({ learningRate: 1, step: 1 }),
        ),
      );
    };
    expect(attempt("conv/biass", [2])).toThrow(expect.objectContaining({ code: "run" }));
    expect(attempt("conv/biass", [2])).toThrow('Did you mean "conv/bias"?');
    // [1] would broadcast to the bias without an error.
    expect(attempt("conv/bias", [1])).toThrow(expect.objectContaining({ code: "shape" }));
    expect(await read(variables)).toEqual(draw("initial"));
    optimizer.dispose();
    tf.dispose([...variables.values(), ...gradients.values()]);
  });

  it("keeps the number of tensors constant over 100 steps, and frees all of its own", async () => {
    const before = tf.memory().numTensors;
    const variables = makeVariables(draw("initial"));
    const optimizer = createOptimizer(variables, { ...config, kind: "adamw", weightDecay: 0.1 });
    const gradients = makeGradients(draw("gradient"));
    const running = tf.memory().numTensors;
    for (let step = 1; step <= 100; step++) {
      tf.tidy(() => optimizer.apply(gradients, optimizer.stepScalars({ learningRate: 0.01, step })));
      await variables.get("codebook")?.data();
    }
    expect(tf.memory().numTensors).toBe(running);
    optimizer.dispose();
    tf.dispose([...variables.values(), ...gradients.values()]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it("runs ten kernels per variable", async () => {
    const variables = makeVariables(draw("initial"));
    const optimizer = createOptimizer(variables, config);
    const gradients = makeGradients(draw("gradient"));
    const scalars = optimizer.stepScalars({ learningRate: 0.01, step: 1 });
    const profile = await tf.profile(() => {
      optimizer.apply(gradients, scalars);
      return tf.scalar(0);
    });
    expect(profile.kernels.length).toBe(10 * names.length);
    tf.dispose([profile.result, scalars]);
    optimizer.dispose();
    tf.dispose([...variables.values(), ...gradients.values()]);
  });
});
