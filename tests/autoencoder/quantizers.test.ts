import { beforeAll, describe, expect, it } from "vitest";
import { ImageAutoencoder } from "../../src/autoencoder/autoencoder.js";
import { resolveModel } from "../../src/autoencoder/config.js";
import { reconstructionLoss, reconstructionLossSchema } from "../../src/losses/index.js";
import { createQuantizer } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";
import { tensorOf } from "../nn/check-layer.js";
import { randomGrid } from "../nn/grids.js";

beforeAll(useEngine);

const config = resolveModel({
  baseWidth: 3,
  widthMultipliers: [1, 2],
  latentChannels: 4,
  residualBlocks: [0, 1],
});
const quantizers = [
  { kind: "vq", codebookSize: 6, codeDim: 4 },
  { kind: "rotation", codebookSize: 6, codeDim: 2 },
  { kind: "simvq", codebookSize: 6, codeDim: 4 },
  { kind: "fsq", levels: [5, 3, 4] },
];

function create(quantizer: (typeof quantizers)[number]): ImageAutoencoder {
  return ImageAutoencoder.create({ config, quantizer: createQuantizer(quantizer, 3), seed: 3 });
}

function image(): tf.Tensor4D {
  return tensorOf(randomGrid([1, 8, 12, 3], 1));
}

describe.each(quantizers)("an autoencoder around $kind", (quantizer) => {
  it("decodes indices to the image that the forward pass made, bit for bit", async () => {
    const model = create(quantizer);
    const { reconstruction, quantization } = model.forward(image());
    expect(quantization.indices.shape).toEqual([1, 2, 3, 1]);
    const decoded = model.decode(model.quantizer.indicesToCodes(quantization.indices));
    expect(await decoded.data()).toEqual(await reconstruction.data());
  });

  it("sends a gradient through the quantizer to every weight of the encoder", async () => {
    const model = create(quantizer);
    const pixels = image();
    const loss = reconstructionLossSchema.parse("l2");
    const encoder = [...model.variables()].filter(([name]) => /^(encoder|projection\/in)\//.test(name));
    const { grads } = tf.variableGrads(
      () => reconstructionLoss(pixels, model.forward(pixels).reconstruction, loss).total,
      encoder.map(([, variable]) => variable),
    );
    for (const [name, variable] of encoder) {
      const gradient = await (grads[variable.name] as tf.Tensor).data();
      expect(
        gradient.some((value) => value !== 0),
        name,
      ).toBe(true);
      expect(gradient.every(Number.isFinite), name).toBe(true);
    }
  });
});

it("starts the shared weights from the same bytes around every quantizer", async () => {
  const all = await Promise.all(quantizers.map((quantizer) => create(quantizer).copyWeights()));
  const [first, ...others] = all;
  const shared = [...(first?.keys() ?? [])].filter((name) => /^(encoder|decoder)\//.test(name));
  expect(shared.length).toBeGreaterThan(10);
  for (const other of others) {
    for (const name of shared) expect(other.get(name), name).toEqual(first?.get(name));
  }
});
