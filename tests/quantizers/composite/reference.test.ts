/**
 * Against tools/several_codes_reference.py: the published equations in double precision, in another language; it wrote
 * reference.json.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { phiOfScale } from "../../../src/quantizers/composite/phi.js";
import { createQuantizer, type Quantizer } from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

interface Case {
  readonly latents: number[][][][];
  /** What the quantizer learns, in the order of its variables. */
  readonly parameters: number[][][];
  readonly weights: number[][][][];
  readonly indices: number[][][][];
  readonly quantized: number[][][][];
  readonly codebook: number;
  readonly commitment: number;
  readonly gradients: { readonly latents: number[][][][]; readonly parameters: number[][][] };
}

const cases = JSON.parse(readFileSync(join(import.meta.dirname, "reference.json"), "utf8")) as Readonly<
  Record<string, Case>
> & { readonly phis: readonly (readonly [scales: number, count: number, of: number[]])[] };

const table = { kind: "vq", codebookSize: 6 };
const configs: Readonly<Record<string, object>> = {
  residual: { kind: "residual", numQuantizers: 3, quantizer: { ...table, codeDim: 5 } },
  grouped: {
    kind: "grouped",
    quantizers: [
      { ...table, codeDim: 2 },
      { ...table, codeDim: 3 },
    ],
  },
  multiScale: {
    kind: "multi-scale",
    scales: [1, 2, 3, 5],
    quantizer: { kind: "vq", codebookSize: 8, codeDim: 4 },
    phiRatio: 0.3,
    phiCount: 2,
  },
  multiScalePlain: {
    kind: "multi-scale",
    scales: [1, 5],
    quantizer: { kind: "vq", codebookSize: 8, codeDim: 4 },
    phiRatio: 0,
  },
  residualFsq: { kind: "residual-fsq", levels: [5, 4, 3], numQuantizers: 3 },
};

beforeAll(useEngine);

describe.each(Object.entries(configs))("%s", (name, config) => {
  const expected = cases[name] as Case;

  /** The quantizer with the reference's parameters. */
  function make(): Quantizer {
    const quantizer = createQuantizer(config, 0);
    for (const [i, variable] of [...quantizer.variables().values()].entries()) {
      tf.tidy(() => variable.assign(tf.tensor(expected.parameters[i] as number[][], variable.shape)));
    }
    return quantizer;
  }

  it("finds the reference's indices, codes and losses", async () => {
    const quantizer = make();
    const latents = tf.tensor4d(expected.latents);
    const { quantized, indices, losses } = quantizer.quantize(latents);
    expect(await indices.array()).toEqual(expected.indices);
    await expectClose(quantized, expected.quantized);
    for (const [loss, value] of Object.entries(losses)) {
      await expectClose(value, expected[loss as "codebook" | "commitment"]);
    }
    expect(Object.keys(losses).sort()).toEqual(
      quantizer.variables().size === 0 ? [] : ["codebook", "commitment"],
    );
    tf.dispose([latents, quantized, indices, losses]);
    quantizer.dispose();
  });

  it("has the reference's gradients, of latents and of what it learns", async () => {
    const quantizer = make();
    const latents = tf.variable(tf.tensor4d(expected.latents));
    const weights = tf.tensor4d(expected.weights);
    const learned = [...quantizer.variables().values()];
    const { value, grads } = tf.variableGrads(() => {
      const { quantized, losses } = quantizer.quantize(latents as tf.Tensor4D);
      let loss: tf.Scalar = tf.sum(tf.mul(weights, quantized));
      if (losses.codebook !== undefined) loss = tf.add(loss, tf.mul(losses.codebook, 0.7));
      if (losses.commitment !== undefined) loss = tf.add(loss, tf.mul(losses.commitment, 0.4));
      return loss;
    }, [latents, ...learned]);
    await expectClose(grads[latents.name] as tf.Tensor, expected.gradients.latents);
    for (const [i, variable] of learned.entries()) {
      await expectClose(grads[variable.name] as tf.Tensor, expected.gradients.parameters[i]);
    }
    tf.dispose([latents, weights, value, grads]);
    quantizer.dispose();
  });
});

/** Sums of a few dozen float32 products of numbers near 1. */
async function expectClose(got: tf.Tensor, expected: unknown): Promise<void> {
  const wanted = tf.util.flatten(expected as number[]) as number[];
  const values = [...(await got.data())];
  expect(values.length).toBe(wanted.length);
  for (const [i, value] of values.entries()) {
    if (Math.abs(value - (wanted[i] as number)) <= 2e-5) continue;
    expect.fail(`item ${i}: expected ${wanted[i]}, got ${value}`);
  }
}

it.each(cases.phis)("%i scales share %i phis as VAR's do", (scales, count, of) => {
  expect(phiOfScale(scales, count)).toEqual(of);
});
