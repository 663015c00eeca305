import { beforeAll, describe, expect, it } from "vitest";
import { ImageAutoencoder } from "../../src/autoencoder/autoencoder.js";
import { groupCount } from "../../src/autoencoder/blocks.js";
import { modelPresets, resolveModel } from "../../src/autoencoder/config.js";
import { describeModel } from "../../src/autoencoder/describe.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";
import { fakeQuantizer } from "./fake-quantizer.js";

beforeAll(useEngine);

describe("describeModel", () => {
  it("counts the reference model as PyTorch does", () => {
    const description = describeModel(modelPresets.small, 64, [64, 64]);
    // sum(p.numel()) of bench/peers/autoencoder.py is 1,538,179, of which 1024·64 are the codebook.
    expect(description.parameters).toBe(1_538_179 - 1024 * 64);
    // Multiply-adds by hand, output positions × kernel² × in × out:
    const encoder =
      32 * 32 * 16 * 3 * 64 + // down0
      16 * 16 * 16 * 64 * 128 + // down1
      4 * 16 * 16 * 9 * 128 * 128 + // two blocks of two
      16 * 16 * 128 * 64; // out
    const decoder =
      16 * 16 * 9 * 64 * 128 + // in
      4 * 16 * 16 * 9 * 128 * 128 + // two blocks of two
      32 * 32 * 9 * 128 * 64 + // up1
      64 * 64 * 9 * 64 * 3; // up0
    expect(description.encodeFlop).toBe(2 * encoder);
    expect(description.forwardFlop).toBe(2 * (encoder + decoder));
    expect(description.trainingFlop / 1e9).toBeCloseTo(2.65, 2);
    expect(description.latents).toEqual([16, 16, 64]);
  });

  it.each([
    ["with norms and a projection", { groupNorm: true, residualBlocks: [1, 2] }, 4],
    ["without", {}, 6],
  ])("counts exactly the variables of a model %s", (_, options, codeDim) => {
    const config = resolveModel({ baseWidth: 3, widthMultipliers: [2, 4], latentChannels: 6, ...options });
    const model = ImageAutoencoder.create({ config, quantizer: fakeQuantizer(codeDim), seed: 0 });
    const own = [...model.variables()].filter(([name]) => !name.startsWith("quantizer/"));
    const total = own.reduce((sum, [, variable]) => sum + variable.size, 0);

    const description = describeModel(config, codeDim, [8, 16]);
    expect(description.parameters).toBe(total);
    for (const part of description.parts) {
      const inside = own.filter(([name]) => name.startsWith(`${part.name}/`));
      expect(part.parameters, part.name).toBe(inside.reduce((sum, [, variable]) => sum + variable.size, 0));
    }
    const latents = model.encode(tf.zeros([1, 8, 16, 3]));
    expect(description.latents).toEqual(latents.shape.slice(1));
    expect(description.parts.at(-1)?.output).toEqual(model.decode(latents).shape.slice(1));
    model.dispose();
  });

  it("refuses an image size that the model cannot take", () => {
    expect(() => describeModel(modelPresets.base, 64, [64, 72])).toThrow(/multiples of 16 .*width 64 or 80/);
  });

  it("lists the parts in order", () => {
    const { parts } = describeModel(resolveModel({ residualBlocks: [1, 0], groupNorm: true }), 5, [64, 32]);
    expect(parts.map(({ name, output }) => [name, ...output])).toEqual([
      ["encoder/down0", 32, 16, 64],
      ["encoder/stage0", 32, 16, 64],
      ["encoder/down1", 16, 8, 128],
      ["encoder/out", 16, 8, 64],
      ["projection/in", 16, 8, 5],
      ["projection/out", 16, 8, 64],
      ["decoder/in", 16, 8, 128],
      ["decoder/up1", 32, 16, 64],
      ["decoder/stage0", 32, 16, 64],
      ["decoder/up0", 64, 32, 3],
    ]);
  });
});

describe("groupCount", () => {
  it("is the largest divisor up to 32", () => {
    expect([128, 96, 48, 34, 16, 37, 1].map((channels) => groupCount(channels, 32))).toEqual([
      32, 32, 24, 17, 16, 1, 1,
    ]);
    expect([32, 20, 7].map((channels) => groupCount(channels, 8))).toEqual([8, 5, 7]);
  });
});
