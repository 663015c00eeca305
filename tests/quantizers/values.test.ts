/** Each quantizer against values that tools/quantizer_values.py computed in float64 from the papers' formulas. */
import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { createQuantizer, type Quantizer, type TrainingInputs } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

beforeAll(useEngine);

type Nested = number | readonly Nested[];

interface Gradients {
  readonly latents: Nested;
  readonly variables: Readonly<Record<string, Nested>>;
}

interface Case {
  readonly name: string;
  readonly config: object;
  readonly latents: readonly (readonly number[])[];
  readonly variables: Readonly<Record<string, Nested>>;
  /** What a training step draws; empty: evaluation. */
  readonly inputs: Readonly<Record<string, Nested>>;
  readonly weights: Nested;
  readonly indices: readonly number[];
  readonly quantized: Nested;
  readonly quantizedGradient: Gradients;
  readonly losses: Readonly<Record<string, Gradients & { readonly value: number }>>;
}

const cases = JSON.parse(readFileSync(new URL("values.json", import.meta.url), "utf8")) as readonly Case[];

function build({ config, variables }: Case): Quantizer {
  const quantizer = createQuantizer(config, 1);
  for (const [name, values] of Object.entries(variables)) {
    tf.tidy(() =>
      quantizer
        .variables()
        .get(name)
        ?.assign(tf.tensor(values as number[])),
    );
  }
  return quantizer;
}

const inputsOf = ({ inputs }: Case): TrainingInputs | undefined => {
  const entries = Object.entries(inputs).map(
    ([name, values]) => [name, tf.tensor(values as number[])] as const,
  );
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
};

const gridOf = (rows: readonly (readonly number[])[]): tf.Tensor4D =>
  tf.tensor4d(rows.flat(), [1, 1, rows.length, rows[0]?.length ?? 0]);

/** Within 1e-5 of the largest expected value: float32 arithmetic over a few dozen numbers. */
async function expectClose(
  tensor: tf.Tensor,
  expected: Nested,
  what: string,
  smallest = 1e-3,
): Promise<void> {
  const [got, wanted] = [Array.from(await tensor.data()), [expected].flat(9) as number[]];
  expect(got, what).toHaveLength(wanted.length);
  const tolerance = 1e-5 * Math.max(...wanted.map(Math.abs), smallest);
  for (const [i, value] of got.entries()) {
    expect(
      Math.abs(value - (wanted[i] as number)),
      `${what}, item ${i}: ${value}, ${wanted[i]}`,
    ).toBeLessThan(tolerance);
  }
}

/** The gradient of `f` at the latents and at the trainable variables. Zeros where nothing leads there. */
async function expectGradients(
  { latents }: Case,
  quantizer: Quantizer,
  { of, expected, what }: { of: (z: tf.Tensor4D) => tf.Scalar; expected: Gradients; what: string },
): Promise<void> {
  const z: tf.Variable<tf.Rank.R4> = tf.tidy(() => tf.variable(gridOf(latents)));
  const trainable = [...quantizer.variables()].filter(([, variable]) => variable.trainable);
  const moved = [z, ...trainable.map(([, variable]) => variable)];
  // Sums that are zero by value keep all of them on the tape.
  const { value, grads } = tf.variableGrads(
    () => moved.reduce<tf.Scalar>((sum, each) => tf.add(sum, tf.mul(tf.sum(each), 0)), of(z)),
    moved,
  );
  await expectClose(grads[z.name] as tf.Tensor, expected.latents, `${what} at the latents`);
  for (const [name, variable] of trainable) {
    await expectClose(
      grads[variable.name] as tf.Tensor,
      expected.variables[name] as Nested,
      `${what} at ${name}`,
    );
  }
  tf.dispose([z, value, grads]);
}

describe.each(cases)("$name", (each) => {
  it("chooses the codes, and has the losses", async () => {
    const quantizer = build(each);
    const { indices, quantized, losses } = tf.tidy(() =>
      quantizer.quantize(gridOf(each.latents), inputsOf(each)),
    );
    expect(Array.from(await indices.data())).toEqual(each.indices);
    await expectClose(quantized, each.quantized, "quantized");
    expect(Object.keys(losses).sort()).toEqual(Object.keys(each.losses).sort());
    for (const [name, { value }] of Object.entries(each.losses)) {
      // An entropy loss is a small difference of entropies of several nats.
      await expectClose(losses[name] as tf.Scalar, value, `the ${name} loss`, 1);
    }
    tf.dispose([indices, quantized, losses]);
    quantizer.dispose();
  });

  it("passes the gradients", async () => {
    const quantizer = build(each);
    await expectGradients(each, quantizer, {
      of: (z) =>
        tf.sum(
          tf.mul(
            tf.reshape(tf.tensor(each.weights as number[]), z.shape),
            quantizer.quantize(z, inputsOf(each)).quantized,
          ),
        ),
      expected: each.quantizedGradient,
      what: "the gradient of the quantized latents",
    });
    for (const [name, expected] of Object.entries(each.losses)) {
      await expectGradients(each, quantizer, {
        of: (z) => quantizer.quantize(z, inputsOf(each)).losses[name] as tf.Scalar,
        expected,
        what: `the gradient of the ${name} loss`,
      });
    }
    quantizer.dispose();
  });
});
