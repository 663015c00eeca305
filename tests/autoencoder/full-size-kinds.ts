/** Models of full size in the layouts of the published tokenizers, against plain loops in double precision. */
import { beforeAll, describe, expect, it } from "vitest";
import { ImageAutoencoder } from "../../src/autoencoder/autoencoder.js";
import { resolveModel } from "../../src/autoencoder/config.js";
import { describeModel } from "../../src/autoencoder/describe.js";
import { Random } from "../../src/core/random.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";
import { expectClose, tensorOf } from "../nn/check-layer.js";
import { randomGrid } from "../nn/grids.js";
import { fakeQuantizer } from "./fake-quantizer.js";
import { FullSizeReference } from "./full-size-reference.js";

/** The kinds of the published tokenizers, small; each with the code dimension that goes with it. */
export const kinds: Readonly<Record<string, readonly [options: object, codeDim: number]>> = {
  "VQGAN's": [{ downsamplingFactor: 4, baseWidth: 4, widthMultipliers: [1, 1, 2], residualBlocks: 1 }, 3],
  "other numbers of blocks, groups and attention for encoder and decoder": [
    {
      downsamplingFactor: 2,
      baseWidth: 6,
      inputWidth: 4,
      widthMultipliers: [1, 2],
      residualBlocks: [0, 2],
      decoderBlocks: [1, 0],
      attentionStages: [1],
      decoderAttentionStages: [0],
      middleAttention: false,
      normGroups: 3,
      normEpsilon: 0.01,
      quantConvolution: "3x3",
    },
    5,
  ],
  "MoVQ's: norms by the codes": [
    {
      downsamplingFactor: 2,
      baseWidth: 4,
      widthMultipliers: [1, 2],
      residualBlocks: 1,
      decoderNorm: "spatial",
    },
    3,
  ],
  "MaskGIT's": [
    {
      downsamplingFactor: 4,
      baseWidth: 4,
      widthMultipliers: [1, 1, 2],
      residualBlocks: 1,
      decoderBlocks: 1,
      attentionStages: [],
      middleBlocks: 1,
      middleAttention: false,
      latentChannels: 3,
      quantConvolution: "none",
      down: "average",
      shortcut: "output",
      encoderOutKernel: 1,
      inputBias: false,
      blockBias: false,
      pixelRange: "0..1",
    },
    3,
  ],
  "Open-MAGVIT2's": [
    {
      downsamplingFactor: 4,
      baseWidth: 4,
      widthMultipliers: [1, 1, 2],
      residualBlocks: 1,
      decoderBlocks: 1,
      attentionStages: [],
      middleBlocks: 1,
      middleAttention: false,
      latentChannels: 3,
      quantConvolution: "none",
      decoderNorm: "adaptive",
      down: "3x3-symmetric",
      up: "depth-to-space",
      encoderOutKernel: 1,
      inputBias: false,
      blockBias: false,
    },
    3,
  ],
  // Three stages and one halving, as DI8x8: the encoder halves after the first, the decoder doubles after its first.
  "Cosmos's": [
    {
      downsamplingFactor: 8,
      waveletPatch: 4,
      baseWidth: 2,
      widthMultipliers: [2, 3, 4],
      residualBlocks: 1,
      attentionStages: [],
      latentChannels: 5,
    },
    2,
  ],
};

export function create([options, codeDim]: readonly [object, number]) {
  const config = resolveModel({ preset: "vqgan", latentChannels: 6, ...options });
  return ImageAutoencoder.create({ config, quantizer: fakeQuantizer(codeDim), seed: 7 });
}

/** Norms start as the identity, and most biases near it; give them values that a test would miss. */
async function randomWeights(model: ImageAutoencoder) {
  const weights = await model.copyWeights();
  for (const [name, { data }] of weights) {
    const random = new Random(3, name);
    if (/\/(scale|offset|bias)$/.test(name) && !name.startsWith("quantizer/"))
      for (const i of data.keys()) data[i] = random.uniform(0.3, 1.3);
  }
  model.setWeights(weights);
  return new Map([...weights].map(([name, { data }]) => [name, data] as const));
}

/** Those that `npm test` takes; the long tests take the others. */
export const first: readonly string[] = [
  "other numbers of blocks, groups and attention for encoder and decoder",
  "MaskGIT's",
  "Cosmos's",
];

/** Checks the kinds of these names. */
export function describeKinds(names: readonly string[]): void {
  beforeAll(useEngine);

  describe.each(Object.entries(kinds).filter(([name]) => names.includes(name)))(
    "a model of full size: %s",
    (_, kind) => {
      it("computes what plain double-precision loops compute", async () => {
        const model = create(kind);
        const weights = await randomWeights(model);
        const factor = model.config.downsamplingFactor;
        const image = randomGrid([2, 3 * factor, 2 * factor, 3], 2);
        const reference = new FullSizeReference(model.config, weights);
        const { latents, quantization, reconstruction } = model.forward(tensorOf(image));
        const expected = reference.encode(image);
        expect(latents.shape).toEqual([2, 3, 2, kind[1]]);
        expectClose(await latents.data(), expected.values, 1e-5);
        expect(quantization.quantized.shape).toEqual(latents.shape);
        const decoded = reference.decode({ ...expected, values: expected.values.map((v) => 0.75 * v) });
        expect(reconstruction.shape).toEqual([2, 3 * factor, 2 * factor, 3]);
        expectClose(await reconstruction.data(), decoded.values, 1e-5);
        model.dispose();
      });

      it("is described as it is", async () => {
        const model = create(kind);
        const { config } = model;
        const factor = config.downsamplingFactor;
        const description = describeModel(config, kind[1], [2 * factor, 3 * factor]);
        const own = [...model.variables()].filter(([name]) => !name.startsWith("quantizer/"));
        expect(description.parameters).toBe(own.reduce((sum, [, { size }]) => sum + size, 0));
        expect(description.latents).toEqual([2, 3, kind[1]]);
        expect(description.parts.at(-1)?.output).toEqual([2 * factor, 3 * factor, 3]);
        model.dispose();
      });

      it("lets gradients through to every weight", async () => {
        const model = create(kind);
        await randomWeights(model);
        const factor = model.config.downsamplingFactor;
        const image = tensorOf(randomGrid([1, 3 * factor, 2 * factor, 3], 5));
        const variables = model.trainableVariables();
        const { grads } = tf.variableGrads(
          () => tf.sum(tf.square(tf.sub(model.forward(image).reconstruction, image))),
          [...variables.values()],
        );
        for (const [name, variable] of variables) {
          const gradient = await (grads[variable.name] as tf.Tensor).data();
          // Softmax does not change when all scores of a row do: nothing depends on the keys' biases.
          if (name.endsWith("/key/bias")) continue;
          expect(gradient.some((value) => value !== 0) && gradient.every(Number.isFinite), name).toBe(true);
        }
        model.dispose();
      });
    },
  );
}
