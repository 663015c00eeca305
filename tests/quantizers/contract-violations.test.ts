/** The contract suite itself: each rule is broken on purpose, and its check must say so. */

import { beforeAll, describe, expect, it } from "vitest";
import { createQuantizer, type Quantizer, stopGradient } from "../../src/quantizers/index.js";
import { quantizerContract, straightThroughSurrogate } from "../../src/testing/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";
import { rotationSurrogate } from "./references.js";

beforeAll(useEngine);

const CONFIG = { kind: "vq", codebookSize: 6, codeDim: 3, initialization: "normal", commitmentWeight: 0.5 };

/** A quantizer of which some parts are replaced. */
function altered(
  replace: (original: Quantizer) => Partial<Quantizer>,
  config: object = CONFIG,
): () => Quantizer {
  return () => {
    const q = createQuantizer(config, 7);
    return {
      config: q.config,
      codebookSize: q.codebookSize,
      numCodebooks: q.numCodebooks,
      codeDim: q.codeDim,
      lossWeights: q.lossWeights,
      latentsForInitialization: q.latentsForInitialization,
      quantize: (latents) => q.quantize(latents),
      indicesToCodes: (indices) => q.indicesToCodes(indices),
      initialize: (latents) => q.initialize(latents),
      updateCodebook: (latents, indices) => q.updateCodebook(latents, indices),
      variables: () => q.variables(),
      dispose: () => q.dispose(),
      ...replace(q),
    };
  };
}

function codesOf(q: Quantizer): tf.Variable {
  return q.variables().get("codes") as tf.Variable;
}

function keepOf({ pruning }: Quantizer) {
  if (pruning === undefined || !("keep" in pruning)) throw new Error("it cannot be pruned");
  return pruning.keep;
}

/** A mean squared distance that also pulls where it must not. */
function pulled(q: Quantizer, latents: tf.Tensor4D): tf.Scalar {
  const { quantized, losses } = q.quantize(latents);
  const both = tf.mean(tf.square(tf.sub(latents, stopGradient(quantized))));
  return tf.add(losses.codebook as tf.Scalar, tf.mul(both, 0.1));
}

let seed = 0;

const violations: readonly (readonly [rule: string, how: string, make: () => Quantizer, message: RegExp])[] =
  [
    [
      "returns the shapes",
      "float indices",
      altered((q) => ({
        quantize: (z) =>
          tf.tidy(() => ({ ...q.quantize(z), indices: tf.cast(q.quantize(z).indices, "float32") })),
      })),
      /type of indices/,
    ],
    [
      "returns the shapes",
      "a grid turned on its side",
      altered((q) => ({
        quantize: (z) =>
          tf.tidy(() => {
            const output = q.quantize(z);
            return { ...output, indices: tf.transpose(output.indices, [0, 2, 1, 3]) };
          }),
      })),
      /shape of indices/,
    ],
    [
      "returns indices",
      "a codebook said to be smaller",
      altered(() => ({ codebookSize: 4 })),
      /index [45] of 4/,
    ],
    [
      "gives back",
      "codes off by one rounding",
      altered((q) => ({ indicesToCodes: (i) => tf.tidy(() => tf.mul(q.indicesToCodes(i), 1 + 2 ** -23)) })),
      /indicesToCodes\(indices\) against quantized/,
    ],
    [
      "rejects wrong shapes",
      "a missing check",
      altered((q) => ({ indicesToCodes: (i) => q.indicesToCodes(tf.zeros([1, 1, i.size, 1], "int32")) })),
      /indices \[2,3,4,2\]/,
    ],
    [
      "changes no variable",
      "a codebook that shrinks when looked at",
      altered((q) => ({
        quantize: (z) => {
          tf.tidy(() => codesOf(q).assign(tf.mul(codesOf(q), 0.9)));
          return q.quantize(z);
        },
      })),
      /variables after quantize/,
    ],
    [
      "passes the surrogate's gradient",
      "half the gradient",
      altered((q) => ({
        quantize: (z) =>
          tf.tidy(() => {
            const output = q.quantize(z);
            const half = tf.mul(output.quantized, 0.5);
            return { ...output, quantized: tf.add(half, stopGradient(half)) };
          }),
      })),
      /gradient in row 0/,
    ],
    [
      "has losses whose gradients",
      "half the gradient of the commitment loss",
      altered((q) => ({
        quantize: (z) =>
          tf.tidy(() => {
            const output = q.quantize(z);
            const half = tf.mul(output.losses.commitment as tf.Scalar, 0.5);
            return { ...output, losses: { ...output.losses, commitment: tf.add(half, stopGradient(half)) } };
          }),
      })),
      /slope of the commitment loss/,
    ],
    [
      "has losses whose gradients",
      "a codebook loss that moves the latents",
      altered((q) => ({
        quantize: (z) => tf.tidy(() => ({ ...q.quantize(z), losses: { codebook: pulled(q, z) } })),
      })),
      /codebook loss/,
    ],
    [
      "has losses whose gradients",
      "a codebook loss with nothing to teach",
      altered((q) => ({ variables: () => new Map([...q.variables()].slice(1)) })),
      /no variable to teach/,
    ],
    [
      "has a weight",
      "a weight for a loss that is not there",
      altered((q) => ({ lossWeights: { ...q.lossWeights, entropy: 0.1 } })),
      /weight of the entropy loss/,
    ],
    [
      "has losses whose gradients",
      "a loss of its own name that teaches nothing",
      altered((q) => ({
        quantize: (z) =>
          tf.tidy(() => {
            const output = q.quantize(z);
            const idle = stopGradient(output.losses.commitment as tf.Scalar);
            return { ...output, losses: { ...output.losses, idle } };
          }),
      })),
      /the idle loss has nothing to teach/,
    ],
    [
      "has a weight",
      "a loss without a weight",
      altered((q) => ({ lossWeights: { codebook: q.lossWeights.codebook as number } })),
      /weight of the commitment loss is NaN/,
    ],
    [
      "has a weight",
      "a name that makes no field of a record",
      altered((q) => ({ lossWeights: { ...q.lossWeights, "code spread": 0 } })),
      /name of a loss: code spread/,
    ],
    [
      "has a weight",
      "a weight that is no number",
      altered((q) => ({ lossWeights: { ...q.lossWeights, commitment: Number.NaN } })),
      /weight of the commitment loss is NaN/,
    ],
    [
      "keeps working after an update",
      "an update that divides by zero",
      altered((q) => ({ updateCodebook: () => tf.tidy(() => codesOf(q).assign(tf.div(codesOf(q), 0))) })),
      /variable codes is finite/,
    ],
    [
      "does when repeated",
      "a codebook that is shrunk at every fourth update",
      altered((q) => {
        let updates = 0;
        const shrink = () => tf.tidy(() => codesOf(q).assign(tf.mul(codesOf(q), 0.5)));
        return { repeatable: true, updateCodebook: () => (++updates % 4 === 0 ? shrink() : undefined) };
      }),
      /repeatable quantizer|after repeated calls/,
    ],
    [
      "is rebuilt by its own configuration",
      "an option that JSON drops",
      altered((q) => ({ config: { ...q.config, extra: undefined } })),
      /configuration as JSON/,
    ],
    [
      "is rebuilt by its own configuration",
      "a default that is not written out",
      altered((q) => ({
        config: Object.fromEntries(Object.entries(q.config).slice(0, -1)) as { kind: string },
      })),
      /every default written out/,
    ],
    [
      "is rebuilt by its own configuration",
      "a configuration of another quantizer",
      altered((q) => ({ config: { ...q.config, codebookSize: 5 } })),
      /shape|output of the rebuilt/,
    ],
    [
      "is what it says",
      "another weight than it says",
      altered((q) => ({ lossWeights: { ...q.lossWeights, commitment: 0.75 } })),
      /losses of the facts, against lossWeights/,
    ],
    [
      "is what it says",
      "fewer numbers than it says",
      altered(() => ({ variables: () => new Map() })),
      /numbers of the facts/,
    ],
    [
      "is what it says",
      "codes that learn by gradient and are not trainable",
      altered((q) => {
        codesOf(q).trainable = false;
        return {};
      }),
      /learning "chosen" of the facts/,
    ],
    [
      "is what it says",
      "a gradient at its output that moves the codes, unsaid",
      altered((q) => ({
        quantize: (z) =>
          tf.tidy(() => {
            const { quantized, ...output } = q.quantize(z);
            const codes = tf.sum(codesOf(q));
            const nothing = tf.sub(codes, stopGradient(codes)); // 0 by value
            return { ...output, quantized: tf.add(quantized, nothing) as tf.Tensor4D };
          }),
      })),
      /learnsFromReconstruction of the facts/,
    ],
    [
      "keeps the codes",
      "codes in another order",
      altered((q) => ({ pruning: { keep: (kept) => keepOf(q)(kept.map((codes) => [...codes].reverse())) } })),
      /codes that stay when others are taken out/,
    ],
    [
      "keeps the codes",
      "a configuration of as many codes as before",
      altered((q) => ({
        pruning: { keep: async (kept) => ({ ...(await keepOf(q)(kept)), config: q.config }) },
      })),
      /shape of codes in the pruned quantizer/,
    ],
    [
      "draws the same",
      "another draw each time",
      altered(() => ({ trainingInputs: () => ({ noise: tf.tensor1d([seed++]) }) })),
      /drawn again for the same step/,
    ],
    [
      "depends in training",
      "a training that draws besides",
      altered((q) => ({
        trainingInputs: () => ({ noise: tf.zeros([1]) }),
        quantize: (z, drawn) => {
          const output = q.quantize(z);
          return drawn === undefined ? output : { ...output, quantized: tf.add(output.quantized, seed++) };
        },
      })),
      /a second call in training with the same draw/,
    ],
    [
      "reports the codes that it replaces",
      "rows that are not those of the table",
      altered(() => ({
        replaceDeadCodes: () => ({
          codes: tf.zeros([1, CONFIG.codebookSize]),
          rows: new Map([["codes", tf.zeros([2])]]),
        }),
      })),
      /rows of codes that are reported as replaced/,
    ],
    ["gives the same bytes", "another seed each time", () => createQuantizer(CONFIG, seed++), /of one seed/],
    [
      "leaks no tensor",
      "a tensor kept at each call",
      altered((q) => ({
        quantize: (z) => {
          tf.keep(tf.zeros([1]));
          return q.quantize(z);
        },
      })),
      /tensors after quantize/,
    ],
    [
      "leaks no tensor",
      "a dispose that forgets",
      altered(() => ({ dispose: () => {} })),
      /tensors after dispose/,
    ],
  ];

describe("quantizerContract", () => {
  it.each(violations)("%s…: finds %s", async (rule, _how, make, message) => {
    const found = quantizerContract.filter((check) => check.name.startsWith(rule));
    expect(found).toHaveLength(1);
    await expect(found[0]?.run(make)).rejects.toThrow(message);
  });

  it("has a violation here for every rule", () => {
    const broken = quantizerContract.filter(({ name }) => violations.some(([rule]) => name.startsWith(rule)));
    expect(broken).toHaveLength(quantizerContract.length);
  });

  it("tells one gradient from another", async () => {
    const gradient = quantizerContract.find(({ name }) => name.includes("surrogate"));
    const rotation = () => createQuantizer({ ...CONFIG, kind: "rotation" }, 7);
    await expect(gradient?.run(rotation, rotationSurrogate)).resolves.toBeUndefined();
    await expect(gradient?.run(rotation, straightThroughSurrogate)).rejects.toThrow(
      /gradient in row 0, item 0/,
    );
  });
});
