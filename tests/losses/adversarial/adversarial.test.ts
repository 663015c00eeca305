import { readFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { createAdversarial } from "../../../src/losses/adversarial/create.js";
import { lecam, logitLosses } from "../../../src/losses/adversarial/logits.js";
import { type AdversarialConfig, adversarialDescription } from "../../../src/losses/adversarial/options.js";
import { combined, type ModelPass, type Objective, weightedSum } from "../../../src/losses/index.js";
import { assignWeightValues, type WeightValue } from "../../../src/nn/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

interface Stored {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}
type ByName = Readonly<Record<string, Stored>>;

// Written by tools/make_adversarial_reference.py: PyTorch in float64.
const reference = JSON.parse(readFileSync(path.join(import.meta.dirname, "reference.json"), "utf8"));

const tensorOf = <T extends tf.Tensor>({ shape, values }: Stored): T =>
  tf.tensor([...values], [...shape]) as T;

/** Within 2e-5 of the largest. */
async function expectClose(made: tf.Tensor, expected: Stored, what: string): Promise<void> {
  expect(made.shape, what).toEqual(expected.shape);
  const values = await made.data();
  const scale = Math.max(...expected.values.map(Math.abs), 1e-3);
  for (const [i, value] of expected.values.entries()) {
    expect(Math.abs((values[i] as number) - value) / scale, `${what}[${i}]`).toBeLessThan(2e-5);
  }
}

async function number(scalar: tf.Tensor): Promise<number> {
  return (await scalar.data())[0] as number;
}

describe.each(["hinge", "logistic", "least-squares"] as const)("the %s loss", (kind) => {
  const { losses, ...logits } = reference.logits;
  const expected = losses[kind];
  const { model, real, reconstructed } = logitLosses[kind];

  it("is PyTorch's for the discriminator, with its gradients", async () => {
    const loss = (a: tf.Tensor, b: tf.Tensor) => tf.mul(0.5, tf.add(real(a), reconstructed(b))) as tf.Scalar;
    const both = [tensorOf(logits.real), tensorOf(logits.reconstructed)] as [tf.Tensor, tf.Tensor];
    expect(await number(loss(...both))).toBeCloseTo(expected.discriminator, 6);
    const [toReal, toReconstructed] = tf.grads(loss)(both) as [tf.Tensor, tf.Tensor];
    await expectClose(toReal, expected.toReal, "images");
    await expectClose(toReconstructed, expected.toReconstructed, "reconstructions");
  });

  it("is PyTorch's for the model, with its gradient", async () => {
    const of = tensorOf(logits.reconstructed);
    expect(await number(model(of))).toBeCloseTo(expected.model, 6);
    await expectClose(tf.grad((x) => model(x))(of), expected.toModel, "model");
  });
});

it("LeCam's regularisation is PyTorch's, with its gradients", async () => {
  const { lecam: expected, real, reconstructed } = reference.logits;
  const means = {
    meanReal: tf.scalar(expected.meanReal),
    meanReconstructed: tf.scalar(expected.meanReconstructed),
  };
  const loss = (a: tf.Tensor, b: tf.Tensor) => lecam({ real: a, reconstructed: b, ...means });
  const both = [tensorOf(real), tensorOf(reconstructed)] as [tf.Tensor, tf.Tensor];
  expect(await number(loss(...both))).toBeCloseTo(expected.value, 6);
  const [toReal, toReconstructed] = tf.grads(loss)(both) as [tf.Tensor, tf.Tensor];
  await expectClose(toReal, expected.toReal, "images");
  await expectClose(toReconstructed, expected.toReconstructed, "reconstructions");
});

describe.each(["batch", "none", "spectral"] as const)("the discriminator with norm %s", (norm) => {
  const expected = reference.discriminators[norm];
  const config = adversarialDescription.parse(
    { kind: "adversarial", discriminator: { norm, width: 2, layers: 2 }, r1Weight: 1 },
    "",
  );

  function made() {
    const context = { random: new Random(0), learningRate: () => 1, learningRateFraction: () => 1 };
    const { phases } = createAdversarial(config, context);
    const [phase] = phases;
    const [module] = phase?.objective.modules ?? [];
    if (phase === undefined || module === undefined) throw new TypeError("expected a phase with a module");
    const values = new Map<string, WeightValue>(
      Object.entries({ ...expected.weights, ...expected.before } as ByName).map(
        ([name, { shape, values }]) => [name, { shape, data: Float32Array.from(values) }],
      ),
    );
    assignWeightValues(module.variables(), values);
    return { phase, module };
  }
  const pass = () =>
    ({
      pixels: tensorOf(reference.images),
      reconstruction: tensorOf(reference.reconstructions),
    }) as unknown as ModelPass;

  it("has PyTorch's losses, gradients and statistics", async () => {
    const { phase, module } = made();
    const value = phase.objective.evaluate(pass(), {});
    const total = () => weightedSum(phase.objective.evaluate(pass(), {}).terms);
    const { value: loss, grads } = tf.variableGrads(total, [...phase.variables.values()]);
    expect(await number(loss)).toBeCloseTo(expected.loss, 5);
    for (const [name, gradient] of Object.entries(expected.gradients as ByName)) {
      const variable = module.variables().get(name) as tf.Variable;
      await expectClose(grads[variable.name] as tf.Tensor, gradient, `gradient of ${name}`);
    }
    expect(Object.keys(grads)).toHaveLength(Object.keys(expected.gradients).length);
    const after = new Map((value.updates ?? []).map((update) => [update.variable, update.value]));
    expect(after.size).toBe(Object.keys(expected.after).length);
    for (const [name, statistic] of Object.entries(expected.after as ByName)) {
      const variable = module.variables().get(name) as tf.Variable;
      await expectClose(after.get(variable) as tf.Tensor, statistic, name);
    }
    const accuracy = await number(value.figures.discriminatorRealAccuracy as tf.Scalar);
    const right = reference.discriminators[norm].real.values.filter((logit: number) => logit > 0).length;
    expect(accuracy).toBeCloseTo(right / expected.real.values.length, 6);
  });

  it("has PyTorch's R1 penalty, and its gradients of second order", async () => {
    const { phase, module } = made();
    const penalty = () => {
      const { terms } = phase.objective.evaluate(pass(), { r1Weight: tf.scalar(1) });
      return terms.find(({ name }) => name === "r1")?.value as tf.Scalar;
    };
    const { value, grads } = tf.variableGrads(penalty, [...phase.variables.values()]);
    expect((await number(value)) / expected.r1).toBeCloseTo(1, 5);
    for (const [name, gradient] of Object.entries(expected.r1Gradients as ByName)) {
      const found = grads[(module.variables().get(name) as tf.Variable).name];
      // None at all for what the penalty does not depend on.
      if (found === undefined)
        expect(
          gradient.values.every((each) => each === 0),
          name,
        ).toBe(true);
      else await expectClose(found, gradient, `gradient of ${name}`);
    }
  });
});

it("the adaptive weight is PyTorch's, with the gradients of the whole", async () => {
  const { adaptive } = reference;
  const [first, last] = [tf.variable(tensorOf(adaptive.first)), tf.variable(tensorOf(adaptive.last))];
  const term = (
    name: string,
    images: Objective["images"],
    compute: (x: tf.Tensor4D) => tf.Tensor,
    weight: number,
  ) =>
    ({
      name,
      modules: [],
      repeatable: true,
      images,
      inputs: () => ({}),
      evaluate: ({ reconstruction }: ModelPass) => ({
        terms: [{ name, value: compute(reconstruction) as tf.Scalar, weight }],
        figures: {},
      }),
    }) as Objective;
  const plain = term("plain", "plain", (x) => tf.mean(tf.abs(tf.sub(x, tensorOf(adaptive.target)))), 1.5);
  const scorer = tensorOf<tf.Tensor4D>(adaptive.scorer);
  const balanced = term("other", "balanced", (x) => tf.neg(tf.mean(tf.conv2d(x, scorer, 1, "valid"))), 0.8);
  const objective = combined("model", [balanced, plain]);
  const figures: Record<string, tf.Tensor> = {};
  const total = () => {
    const inner = tf.tanh(tf.conv2d(tensorOf<tf.Tensor4D>(adaptive.inputs), first as tf.Tensor4D, 1, "same"));
    const reconstruction = tf.conv2d(inner as tf.Tensor4D, last as tf.Tensor4D, 1, "same");
    const value = objective.evaluate({ reconstruction, lastKernel: last } as unknown as ModelPass, {});
    for (const [name, figure] of Object.entries(value.figures)) figures[name] = tf.keep(figure);
    expect(value.terms.map(({ name }) => name)).toEqual(["plain", "other"]);
    return value.total as tf.Scalar;
  };
  const { value, grads } = tf.variableGrads(total, [first, last]);
  expect(await number(value)).toBeCloseTo(adaptive.total, 5);
  expect(await number(figures.reconstructionGradientAtLast as tf.Tensor)).toBeCloseTo(adaptive.plainNorm, 5);
  expect(await number(figures.otherGradientAtLast as tf.Tensor)).toBeCloseTo(adaptive.balancedNorm, 5);
  expect((await number(figures.otherWeight as tf.Tensor)) / adaptive.weight).toBeCloseTo(1, 5);
  await expectClose(grads[first.name] as tf.Tensor, adaptive.toFirst, "first");
  await expectClose(grads[last.name] as tf.Tensor, adaptive.toLast, "last");
});

it("the adaptive weight is at most 1e4 of its factor", async () => {
  const last = tf.variable(tf.ones([1, 1, 1, 1]));
  let weight: tf.Scalar | undefined;
  const total = () => {
    const reconstruction = tf.conv2d(tf.ones([1, 2, 3, 1]), last as tf.Tensor4D, 1, "valid") as tf.Tensor4D;
    // 6·10⁶ against 6·10⁻⁶ + 10⁻⁴ would be a ratio of 5.7·10¹⁰.
    const part = (name: string, images: "plain" | "balanced", scale: number): Objective => ({
      name,
      modules: [],
      repeatable: true,
      images,
      inputs: () => ({}),
      evaluate: (pass) => ({
        terms: [{ name, value: tf.mul(tf.sum(pass.reconstruction), scale) as tf.Scalar, weight: 1 }],
        figures: {},
      }),
    });
    const objective = combined("model", [part("plain", "plain", 1e6), part("other", "balanced", 1e-6)]);
    const value = objective.evaluate({ reconstruction, lastKernel: last } as unknown as ModelPass, {});
    weight = tf.keep(value.figures.otherWeight as tf.Scalar);
    return value.total as tf.Scalar;
  };
  const { grads } = tf.variableGrads(total, [last]);
  expect(await number(weight as unknown as tf.Scalar)).toBe(1e4);
  // 6·10⁶ + 10⁴·6·10⁻⁶
  expect(await number(grads[last.name] as tf.Tensor)).toBeCloseTo(6e6, 0);
});

describe("options", () => {
  const parse = (options: object) =>
    adversarialDescription.parse({ kind: "adversarial", ...options }, "objectives[0]");

  it("have VQGAN's defaults, and resolve to themselves", () => {
    const config: AdversarialConfig = parse({});
    expect(config).toMatchObject({ loss: "hinge", weight: 0.8, adaptive: true, beta1: 0.5, beta2: 0.9 });
    expect(config.discriminator).toEqual({ width: 64, layers: 3, norm: "batch" });
    expect(parse(config)).toEqual(config);
  });

  it.each([
    [{ loss: "wasserstein" }, /objectives\[0\]\.loss/],
    [{ start: 0 }, /objectives\[0\]\.start/],
    [{ discriminator: { depth: 3 } }, /objectives\[0\]\.discriminator.*depth/],
  ])("refuse %j", (options, message) => {
    expect(() => parse(options)).toThrow(message);
  });

  it("say what a run minimises", () => {
    const lines = adversarialDescription.card(
      parse({ start: 50, warmup: 20, r1Weight: 10, r1Every: 4, lecamWeight: 0.1 }),
    );
    expect(lines.map(({ loss }) => loss)).toEqual([
      "adversarial, hinge",
      "discriminator, hinge",
      "R1",
      "LeCam",
    ]);
    expect(lines[0]?.moves).toBe("encoder, decoder from step 50");
    expect(lines[1]?.moves).toBe("the discriminator from step 30");
    expect(lines[2]?.weight).toBe(40);
  });
});
