/** Contract checks of what a quantizer says of itself: its facts, and what is left when codes are taken out. */
import assert from "node:assert/strict";
import * as tf from "../../tf/index.js";
import { allCodes } from "../all-codes.js";
import type { QuantizerFacts } from "../facts.js";
import type { Quantizer } from "../quantizer.js";
import { createQuantizer, parseQuantizerConfig, quantizerFacts } from "../registry.js";
import { bytesOf, gridsOf, randomLatents, using, withLatents } from "./helpers.js";

/** Vacuous for a kind without facts. */
export async function checkFacts(make: () => Quantizer): Promise<void> {
  await using(make, async (quantizer) => {
    const facts = quantizerFacts(quantizer.config);
    if (facts === null) return;
    const variables = [...quantizer.variables().values()];
    assert.equal(facts.codebookSize, quantizer.codebookSize, "codebookSize of the facts");
    assert.equal(facts.numCodebooks ?? 1, quantizer.numCodebooks, "numCodebooks of the facts");
    assert.equal(
      facts.numbers,
      variables.reduce((sum, { size }) => sum + size, 0),
      "numbers of the facts, against the sizes of the variables",
    );
    const weights = Object.fromEntries(facts.losses.map(({ name, weight }) => [name, weight]));
    assert.deepEqual(weights, { ...quantizer.lossWeights }, "losses of the facts, against lossWeights");
    await withLatents(quantizer, gridsOf(quantizer)[0], async (latents) => {
      const output = quantizer.quantize(latents);
      assert.deepEqual(
        Object.keys(output.losses).sort(),
        Object.keys(weights).sort(),
        "losses of the facts, against those that quantize returns",
      );
      tf.dispose(output);
    });
    await checkTaught(quantizer, facts);
    const trains = variables.some(({ trainable }) => trainable);
    const byGradient = facts.learning === "chosen" || facts.learning === "all" || facts.hasLayers === true;
    assert.equal(
      trains,
      byGradient,
      `learning "${facts.learning}" of the facts, against trainable variables`,
    );
  });
}

/** Whether a gradient at the output reaches the codebook, as the facts have it. */
async function checkTaught(quantizer: Quantizer, facts: QuantizerFacts): Promise<void> {
  const trainable = [...quantizer.variables().values()].filter((variable) => variable.trainable);
  if (trainable.length === 0) {
    assert.equal(facts.learnsFromReconstruction, false, "learnsFromReconstruction, with nothing to learn");
    return;
  }
  await withLatents(quantizer, gridsOf(quantizer)[0], async (latents) => {
    const weights = randomLatents(quantizer.codeDim, gridsOf(quantizer)[0], "weights");
    // Sums that are zero by value keep all variables on the tape.
    const product = () =>
      trainable.reduce<tf.Scalar>(
        (sum, variable) => tf.add(sum, tf.mul(tf.sum(variable), 0)),
        tf.sum(tf.mul(weights, quantizer.quantize(latents).quantized)),
      );
    const { value, grads } = tf.variableGrads(product, trainable);
    const slopes = await Promise.all(Object.values(grads).map((gradient) => gradient.data()));
    const isTaught = slopes.some((slope) => slope.some((x) => x !== 0));
    assert.equal(
      isTaught,
      facts.learnsFromReconstruction,
      "learnsFromReconstruction of the facts, against the gradient that reaches the codebook",
    );
    tf.dispose([weights, value, grads]);
  });
}

/** Codes that stay when others are taken out. Vacuous for a quantizer that does not say how. */
export async function checkPruning(make: () => Quantizer): Promise<void> {
  await using(make, async (quantizer) => {
    const { pruning, codebookSize, numCodebooks } = quantizer;
    if (pruning === undefined || !("keep" in pruning) || codebookSize < 3) return;
    // Neither the first code nor neighbours, and others of each codebook.
    const kept = Array.from({ length: numCodebooks }, (_, q) =>
      q % 2 === 0 ? [1, codebookSize - 1] : [0, codebookSize - 2],
    );
    const { config, state } = await pruning.keep(kept);
    const json: unknown = JSON.parse(JSON.stringify(config));
    assert.deepEqual(parseQuantizerConfig(json), json, "configuration of the pruned quantizer");
    const pruned = createQuantizer(json, 0);
    try {
      const variables = pruned.variables();
      assert.deepEqual(
        [...state.keys()].sort(),
        [...variables.keys()].sort(),
        "state of the pruned quantizer",
      );
      for (const [name, { shape, data }] of state) {
        const variable = variables.get(name) as tf.Variable;
        assert.deepEqual([...shape], variable.shape, `shape of ${name} in the pruned quantizer`);
        tf.tidy(() => variable.assign(tf.tensor(data, [...shape])));
      }
      assert.equal(pruned.codebookSize, 2, "codebookSize of the pruned quantizer");
      const indices = (codes: readonly (readonly number[])[]) =>
        tf.tidy(() => {
          const columns = codes.map((column) => tf.tensor4d([...column], [1, 1, column.length, 1], "int32"));
          return tf.concat(columns, 3);
        });
      const chosen = (from: Quantizer, codes: readonly (readonly number[])[]) =>
        tf.tidy(() => {
          // A sequence takes no single codes; it has one codebook.
          if (from.sequence !== undefined) return tf.gather(allCodes(from), [...(codes[0] ?? [])]);
          return from.indicesToCodes(indices(codes));
        });
      const expected = chosen(quantizer, kept);
      const got = chosen(
        pruned,
        kept.map(() => [0, 1]),
      );
      assert.deepEqual(
        await bytesOf(got),
        await bytesOf(expected),
        "codes that stay when others are taken out",
      );
      tf.dispose([expected, got]);
    } finally {
      pruned.dispose();
    }
  });
}
