/** Contract checks of gradients, against central differences. */
import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { Random } from "../../core/random.js";
import * as tf from "../../tf/index.js";
import type { Quantizer, QuantizerLossName } from "../quantizer.js";
import { type ContractOptions, type Surrogate, straightThroughSurrogate } from "./check.js";
import {
  assertClose,
  centralDifferences,
  dot,
  gradientOf,
  gridsOf,
  randomLatents,
  rowsOf,
  using,
  withLatents,
} from "./helpers.js";

export async function checkGradient(
  make: () => Quantizer,
  surrogate = straightThroughSurrogate,
): Promise<void> {
  await using(make, async (quantizer) => {
    await withLatents(quantizer, gridsOf(quantizer)[0], async (latents) => {
      const weights = randomLatents(quantizer.codeDim, gridsOf(quantizer)[0], "weights");
      const output = quantizer.quantize(latents);
      const gradient = gradientOf(latents, (z) => tf.sum(tf.mul(weights, quantizer.quantize(z).quantized)));
      const [z, q, w, got] = (await Promise.all(
        [latents, output.quantized, weights, gradient].map((tensor) => rowsOf(tensor, quantizer.codeDim)),
      )) as [number[][], number[][], number[][], number[][]];
      z.forEach((latent, row) => {
        const point = { latent, code: q[row] as number[] };
        assertClose(surrogate(latent, point), point.code, `surrogate's value in row ${row}`);
        const expected = centralDifferences(latent, (at) => dot(surrogate(at, point), w[row] as number[]));
        assertClose(got[row] as number[], expected, `gradient in row ${row}`);
      });
      tf.dispose([weights, output, gradient]);
    });
  });
}

/**
 * Every loss as the method defines it: the codebook loss teaches the variables and is constant in the latents, the
 * commitment loss is differentiated in the latents, and any other in whichever of them it moves.
 */
export async function checkLossGradients(
  make: () => Quantizer,
  _surrogate?: Surrogate,
  { stoppedLosses = [] }: ContractOptions = {},
): Promise<void> {
  await using(make, async (quantizer) => {
    await withLatents(quantizer, gridsOf(quantizer)[0], async (values) => {
      // The losses are probed by moving variables, so the latents become one.
      const latents: tf.Variable<tf.Rank.R4> = tf.variable(values);
      const probe = quantizer.quantize(latents);
      const trainable = [...quantizer.variables().values()].filter((variable) => variable.trainable);
      for (const name of Object.keys(probe.losses)) {
        const at = { quantizer, latents, name };
        if (!stoppedLosses.includes(name))
          for (const moved of await movedBy(at, trainable)) await checkSlope({ ...at, moved });
        if (name === "codebook") await checkConstantInLatents(quantizer, values);
      }
      tf.dispose([latents, probe]);
    });
  });
}

/** What a loss moves, by its definition where it has one for its name: the latents, the trainable variables, or both. */
async function movedBy(
  at: Omit<Slope, "moved">,
  trainable: readonly tf.Variable[],
): Promise<(readonly tf.Variable[])[]> {
  if (at.name === "codebook") return [trainable];
  if (at.name === "commitment") return [[at.latents]];
  const moved: (readonly tf.Variable[])[] = [];
  for (const variables of [[at.latents], trainable]) {
    const gradients = gradientsOf(at, variables);
    const values = await Promise.all(gradients.map((gradient) => gradient.data()));
    if (values.some((each) => each.some((value) => value !== 0))) moved.push(variables);
    tf.dispose(gradients);
  }
  assert.ok(moved.length > 0, `the ${at.name} loss has nothing to teach`);
  return moved;
}

async function checkConstantInLatents(quantizer: Quantizer, latents: tf.Tensor4D): Promise<void> {
  // A sum that is zero by value keeps the latents on the tape.
  const gradient = gradientOf(latents, (z) =>
    tf.add(quantizer.quantize(z).losses.codebook as tf.Scalar, tf.mul(tf.sum(z), 0)),
  );
  assert.ok(
    (await gradient.data()).every((value) => value === 0),
    "the codebook loss moves the latents",
  );
  gradient.dispose();
}

interface Slope {
  readonly quantizer: Quantizer;
  readonly latents: tf.Variable<tf.Rank.R4>;
  /** What moves: the latents, or the quantizer's trainable variables. */
  readonly moved: readonly tf.Variable[];
  readonly name: QuantizerLossName;
}

/** Along a random direction, with a step small enough to change no index. */
async function checkSlope({ quantizer, latents, moved, name }: Slope): Promise<void> {
  assert.ok(moved.length > 0, `the ${name} loss has no variable to teach`);
  const random = new Random(3, "contract", "direction");
  const start = moved.map((variable) => variable.clone());
  const direction = start.map((x) =>
    tf.tensor(
      random.fill(x.size, (r) => r.normal()),
      x.shape,
    ),
  );
  const moveTo = (step: number) =>
    tf.tidy(() => {
      for (const [i, variable] of moved.entries()) {
        variable.assign(tf.add(start[i] as tf.Tensor, tf.mul(direction[i] as tf.Tensor, step)));
      }
    });
  const slope = slopeAlong(direction, { quantizer, latents, moved, name });
  const here = await lossAndIndices(quantizer, latents, name);
  for (let step = 1 / 16; ; step /= 2) {
    assert.ok(step >= 1 / 4096, `${name} loss: indices change however small the step`);
    moveTo(step);
    const above = await lossAndIndices(quantizer, latents, name);
    moveTo(-step);
    const below = await lossAndIndices(quantizer, latents, name);
    if (![above, below].every(({ indices }) => isDeepStrictEqual(indices, here.indices))) continue;
    const expected = (above.loss - below.loss) / (2 * step);
    // Two float32 losses are subtracted and divided by a small step: 1e-7 / 1e-3 at worst, against slopes near 0.1.
    assertClose(Array.from(await slope.data()), [expected], `slope of the ${name} loss`, 5e-3);
    break;
  }
  moveTo(0);
  tf.dispose([start, direction, slope]);
}

/** The derivative of the loss along `direction`, by automatic differentiation. */
function slopeAlong(direction: readonly tf.Tensor[], { moved, ...at }: Slope): tf.Tensor {
  return tf.tidy(() => {
    const gradients = gradientsOf(at, moved);
    const terms = gradients.map((gradient, i) => tf.sum(tf.mul(gradient, direction[i] as tf.Tensor)));
    return terms.reduce((sum, term) => tf.add(sum, term));
  });
}

/** The loss's gradient at each of `variables`; zeros where nothing leads to it. */
function gradientsOf(
  { quantizer, latents, name }: Omit<Slope, "moved">,
  variables: readonly tf.Variable[],
): tf.Tensor[] {
  return tf.tidy(() => {
    // Sums that are zero by value keep all of them on the tape.
    const loss = () => {
      const value = quantizer.quantize(latents).losses[name] as tf.Scalar;
      return variables.reduce<tf.Scalar>((sum, v) => tf.add(sum, tf.mul(tf.sum(v), 0)), value);
    };
    if (variables.length === 0) return [];
    const { grads } = tf.variableGrads(loss, [...variables]);
    return variables.map((v) => grads[v.name] as tf.Tensor);
  });
}

async function lossAndIndices(quantizer: Quantizer, latents: tf.Tensor4D, name: QuantizerLossName) {
  const output = quantizer.quantize(latents);
  const indices = await output.indices.data();
  const [loss = Number.NaN] = await (output.losses[name] as tf.Scalar).data();
  tf.dispose(output);
  return { indices, loss };
}
