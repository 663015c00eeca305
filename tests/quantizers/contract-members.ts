/** The quantizers that the contract is checked on, with options that are not the defaults. */
import { beforeAll, describe, it } from "vitest";
import { createQuantizer, registerQuantizer } from "../../src/quantizers/index.js";
import {
  type ContractOptions,
  quantizerContract,
  type Surrogate,
  straightThroughSurrogate,
} from "../../src/testing/index.js";
import type * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";
import { ownLosses } from "./own-losses.js";
import {
  diveqDetachSurrogate,
  dot,
  fsqSurrogate,
  minusSquaredDistance,
  onSphere,
  reflectionSurrogate,
  residualFsqSurrogate,
  rotationSurrogate,
  rotationWithoutRadialSurrogate,
  type SoftScore,
  secondOrderChoice,
  sideBySide,
  softChoice,
  squashedSurrogate,
} from "./references.js";

/** A quantizer under the contract: its configuration, what its gradient stands for, what the contract is to know. */
export type Member = readonly [
  config: Readonly<Record<string, unknown>>,
  surrogate: Surrogate,
  options?: ContractOptions,
];

const vector = { codebookSize: 7, codeDim: 5, commitmentWeight: 0.4, initialization: "normal" } as const;

/** tests/quantizers/composite/reference.test.ts has the gradients of these. */
const inTurn: ContractOptions = { stoppedLosses: ["codebook"] };

/** Their gradient is that of a soft choice among all codes, so it depends on the table. */
const throughAllCodes = [
  { kind: "vq", ...vector, gradient: "softmax", codebook: "inner-product", softmaxTemperature: 0.7 },
  { kind: "vq", ...vector, gradient: "softmax", codebookWeight: 0.3 },
  { kind: "vq", ...vector, gradient: "gumbel-softmax", gumbelEnd: 0.8, gumbelSteps: 20 },
  { kind: "vq", ...vector, gradient: "reinmax" },
] as const;

const tables = new Map<object, number[][]>();

const softmaxSurrogate =
  (config: (typeof throughAllCodes)[number], score: SoftScore, temperature: number): Surrogate =>
  (z, point) =>
    softChoice(z, point, { codes: tables.get(config) ?? [], score, temperature });

const reinmaxSurrogate: Surrogate = (z, point) =>
  secondOrderChoice(z, point, { codes: tables.get(throughAllCodes[3]) ?? [], score: minusSquaredDistance });

async function rowsOf(tensor: tf.Tensor, dim: number): Promise<number[][]> {
  const values = Array.from(await tensor.data());
  return Array.from({ length: values.length / dim }, (_, row) => values.slice(row * dim, (row + 1) * dim));
}

/** Of each kind, codebook and estimator one: `npm test` checks these. */
export const first: readonly Member[] = [
  [{ kind: "vq", ...vector, codebook: "ema", emaDecay: 0.8, emaEpsilon: 1e-3 }, straightThroughSurrogate],
  [{ kind: "rotation", ...vector, codebookWeight: 0.7 }, rotationSurrogate],
  [{ kind: "simvq", ...vector, linearBias: false }, straightThroughSurrogate],
  [
    { kind: "rotation", ...vector, codebook: "sphere", replaceBelow: 0.9, replaceEvery: 1 },
    onSphere(rotationSurrogate),
  ],
  [{ kind: "vq", ...vector, gradient: "diveq", noiseVariance: 0.1 }, diveqDetachSurrogate],
  [throughAllCodes[1], softmaxSurrogate(throughAllCodes[1], minusSquaredDistance, 1)],
  [{ kind: "fsq", levels: [5, 2, 8, 3] }, fsqSurrogate([5, 2, 8, 3])],
  [
    {
      kind: "residual",
      numQuantizers: 2,
      codebookSize: 6,
      codeDim: 4,
      quantizer: { emaDecay: 0.8, replaceBelow: 0.4, replaceEvery: 2 },
    },
    straightThroughSurrogate,
  ],
  [
    {
      kind: "grouped",
      quantizers: [
        { kind: "vq", ...vector, codeDim: 2 },
        { kind: "simvq", ...vector, codeDim: 3, initialization: "data" },
        { kind: "fsq", levels: [7] },
      ],
    },
    sideBySide([
      [2, straightThroughSurrogate],
      [3, straightThroughSurrogate],
      [1, fsqSurrogate([7])],
    ]),
  ],
  [{ kind: "residual-fsq", levels: [30, 27], numQuantizers: 2 }, residualFsqSurrogate([30, 27])],
  [{ kind: "vq", ...vector, codebook: "inner-product", codebookWeight: 0.7 }, straightThroughSurrogate],
  [
    { kind: "lfq", codeDim: 5, temperature: 3, entropyWeight: 0.3, bitsTogether: 3 },
    straightThroughSurrogate,
  ],
  [
    { kind: "fsp", levels: [4, 7, 2], quantizeRate: 0.3, spreadWeight: 0.4 },
    squashedSurrogate((z) => (Math.sqrt(12) * Math.tanh(z)) / 2),
  ],
  [
    { kind: "multi-scale", scales: [2], quantizer: { kind: "fsq", levels: [5, 4, 3] }, phiRatio: 0 },
    straightThroughSurrogate,
  ],
  [
    {
      kind: "vq",
      ...vector,
      entropyWeight: 0.2,
      entropyTemperature: 2,
      diversityWeight: 0.5,
      orthogonalWeight: 0.3,
    },
    straightThroughSurrogate,
  ],
  [
    { kind: "residual", numQuantizers: 3, quantizer: { ...vector, kind: "vq" }, quantizerDropout: 0.7 },
    straightThroughSurrogate,
    inTurn,
  ],
  [
    { kind: "residual-fsq", levels: [5, 4, 3], numQuantizers: 2, quantizerDropout: 1 },
    residualFsqSurrogate([5, 4, 3]),
  ],
  [
    { kind: "multi-scale", scales: [1, 2, 3], quantizer: vector, phiCount: 2, quantizerDropout: 0.6 },
    straightThroughSurrogate,
  ],
  [{ kind: "sign", codeDim: 6 }, straightThroughSurrogate],
  [
    {
      kind: "own-losses",
      codebookSize: 5,
      codeDim: 3,
      weights: { orthogonal: 0.3, length: 0.2, spread2: 0 },
    },
    straightThroughSurrogate,
  ],
];

/** The long tests check these. */
export const others: readonly Member[] = [
  [{ kind: "vq", ...vector, codebookWeight: 0.7 }, straightThroughSurrogate],
  [{ kind: "vq", ...vector, initialization: "kmeans" }, straightThroughSurrogate],
  [{ kind: "vq", ...vector, codebook: "ema", initialization: "data" }, straightThroughSurrogate],
  [{ kind: "vq", codebookSize: 1, codeDim: 1, initialization: "normal" }, straightThroughSurrogate],
  [{ kind: "rotation", ...vector, radialGradient: false }, rotationWithoutRadialSurrogate],
  [{ kind: "rotation", ...vector, gradient: "reflection", codebook: "ema" }, reflectionSurrogate],
  [{ kind: "rotation", ...vector, codebook: "linear", linearBias: false }, rotationSurrogate],
  [{ kind: "simvq", ...vector, initialization: "kmeans" }, straightThroughSurrogate],
  [{ kind: "simvq", ...vector, gradient: "rotation" }, rotationSurrogate],
  [{ kind: "vq", ...vector, codebook: "sphere", codebookWeight: 0.7 }, onSphere(straightThroughSurrogate)],
  [
    { kind: "vq", ...vector, codebook: "sphere", initialization: "kmeans" },
    onSphere(straightThroughSurrogate),
  ],
  [{ kind: "rotation", ...vector, codebook: "sphere", initialization: "data" }, onSphere(rotationSurrogate)],
  [{ kind: "vq", ...vector, gradient: "diveq-detach" }, diveqDetachSurrogate],
  [{ kind: "vq", ...vector, gradient: "diveq-detach", codebook: "ema" }, diveqDetachSurrogate],
  [{ kind: "simvq", ...vector, gradient: "diveq-detach", codebookWeight: 0.2 }, diveqDetachSurrogate],
  [{ kind: "vq", ...vector, gradient: "diveq-detach", codebook: "sphere" }, onSphere(diveqDetachSurrogate)],
  [
    { kind: "vq", ...vector, replaceBelow: 0.4, replaceEvery: 2, replaceDecay: 0.5 },
    straightThroughSurrogate,
  ],
  [
    { kind: "vq", ...vector, codebook: "ema", replaceBelow: 0.4, replaceEvery: 3, replaceAfter: 4 },
    straightThroughSurrogate,
  ],
  [{ kind: "simvq", ...vector, gradient: "diveq", codebookWeight: 0.2 }, diveqDetachSurrogate],
  [{ kind: "vq", ...vector, gradient: "nsvq", replaceBelow: 0.4, replaceEvery: 2 }, diveqDetachSurrogate],
  [{ kind: "vq", ...vector, gradient: "nsvq", codebook: "sphere" }, onSphere(diveqDetachSurrogate)],
  [throughAllCodes[0], softmaxSurrogate(throughAllCodes[0], dot, 0.7)],
  [throughAllCodes[2], softmaxSurrogate(throughAllCodes[2], minusSquaredDistance, 0.8)],
  [throughAllCodes[3], reinmaxSurrogate],
  [{ kind: "fsq", levels: [30, 27] }, fsqSurrogate([30, 27])],
  [
    { kind: "residual", numQuantizers: 3, quantizer: { kind: "vq", ...vector, codebookWeight: 0.7 } },
    straightThroughSurrogate,
    inTurn,
  ],
  [
    {
      kind: "residual",
      quantizers: [
        { kind: "rotation", ...vector },
        { kind: "simvq", ...vector, initialization: "kmeans" },
        { kind: "rotation", ...vector, codebook: "linear" },
      ],
    },
    rotationSurrogate,
    inTurn,
  ],
  [
    {
      kind: "residual",
      numQuantizers: 2,
      quantizer: { kind: "vq", ...vector, gradient: "diveq-detach", codebookWeight: 0.2 },
    },
    diveqDetachSurrogate,
    inTurn,
  ],
  [
    {
      kind: "grouped",
      groups: 2,
      quantizer: {
        kind: "residual",
        numQuantizers: 2,
        quantizer: { kind: "rotation", ...vector, replaceBelow: 0.4, replaceEvery: 3 },
      },
    },
    sideBySide([
      [5, rotationSurrogate],
      [5, rotationSurrogate],
    ]),
    inTurn,
  ],
  [{ kind: "grouped", groups: 3, codebookSize: 5, codeDim: 6 }, straightThroughSurrogate],
  [{ kind: "residual-fsq", levels: [5, 2, 8, 3], numQuantizers: 3 }, residualFsqSurrogate([5, 2, 8, 3])],
  [
    { kind: "bsq", codeDim: 5, temperature: 0.5, entropyWeight: 0.3, commitmentWeight: 0.2 },
    onSphere(straightThroughSurrogate),
  ],
  [{ kind: "bsq", codeDim: 4, bitsTogether: 4 }, onSphere(straightThroughSurrogate)],
  [{ kind: "fsq", levels: [5, 2, 8], bound: "symmetric" }, squashedSurrogate(Math.tanh)],
  [
    { kind: "fsq", levels: [5, 3, 9], bound: "sigmoid", noiseDropout: 0.5 },
    squashedSurrogate((z) => 2 / (1 + Math.exp(-1.6 * z)) - 1),
  ],
  [{ kind: "fsq", levels: [5, 4], noiseDropout: 0.3 }, fsqSurrogate([5, 4])],
  [
    {
      kind: "multi-scale",
      scales: [1, 2, 3],
      quantizer: { ...vector, codeDim: 4, codebookWeight: 0.7 },
      phiRatio: 0.3,
      phiCount: 2,
    },
    straightThroughSurrogate,
  ],
  [
    {
      kind: "multi-scale",
      scales: [1, 3, 4],
      quantizer: { ...vector, codebook: "ema", replaceBelow: 0.4, replaceEvery: 2 },
      phiCount: 0,
    },
    straightThroughSurrogate,
  ],
  [{ kind: "vq", ...vector, codebook: "ema-sphere", emaDecay: 0.8 }, onSphere(straightThroughSurrogate)],
  [
    { kind: "rotation", ...vector, codebook: "ema-sphere", replaceBelow: 0.9, replaceEvery: 2 },
    onSphere(rotationSurrogate),
  ],
  [{ kind: "vq", ...vector, codebook: "frozen", gradient: "diveq-detach" }, diveqDetachSurrogate],
  [
    { kind: "simvq", ...vector, entropyWeight: 0.2, entropyTemperature: 3, orthogonalWeight: 0.3 },
    straightThroughSurrogate,
  ],
  [
    {
      ...{ kind: "vq", ...vector, codebook: "bridge", initialization: "normal" },
      ...{ bridgeGroup: 2, bridgeWidth: 6, bridgeDepth: 1, bridgeHeads: 2 },
    },
    straightThroughSurrogate,
  ],
];

/** Checks every rule on every member. */
export function describeContract(members: readonly Member[]): void {
  beforeAll(async () => {
    await useEngine();
    await import("../../samples/custom-quantizer.js");
    registerQuantizer(ownLosses);
    for (const config of throughAllCodes) {
      const quantizer = createQuantizer(config, 7);
      tables.set(config, await rowsOf(quantizer.variables().get("codes") as tf.Variable, 5));
      quantizer.dispose();
    }
  });

  describe.each(members.map((member) => ({ member })))(
    "$member.0",
    ({ member: [config, surrogate, options] }) => {
      for (const check of quantizerContract)
        it(check.name, () => check.run(() => createQuantizer(config, 7), surrogate, options));
    },
  );
}
