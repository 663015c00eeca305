import { describe, expect, it } from "vitest";
import { modelPresets, resolveModel } from "../../src/autoencoder/config.js";

/** What the presets that are no VQGAN's have in common. */
const strided = {
  layout: "strided",
  waveletPatch: 1,
  inputWidth: null,
  attentionStages: [],
  decoderAttentionStages: [],
  middleBlocks: 0,
  middleAttention: false,
  latentChannels: 64,
  quantConvolution: "auto",
  normGroups: 32,
  normEpsilon: 1e-6,
  decoderNorm: "group",
  down: "4x4",
  up: "nearest",
  shortcut: "input",
  encoderOutKernel: 1,
  inputBias: true,
  blockBias: true,
  pixelRange: "-1..1",
  decoder: true,
};

describe("resolveModel", () => {
  it("writes every default out", () => {
    expect(resolveModel({})).toEqual({
      ...strided,
      downsamplingFactor: 4,
      baseWidth: 64,
      widthMultipliers: [1, 2],
      residualBlocks: [0, 2],
      decoderBlocks: [0, 2],
      groupNorm: false,
      activation: "relu",
    });
    expect(resolveModel({ preset: "base" })).toEqual({
      ...strided,
      downsamplingFactor: 16,
      baseWidth: 128,
      widthMultipliers: [1, 2, 2, 4],
      residualBlocks: [2, 2, 2, 2],
      decoderBlocks: [2, 2, 2, 2],
      groupNorm: true,
      activation: "silu",
    });
    // taming-transformers' configs/imagenet_vqgan.yaml, with z_channels 256 and attention at 16 of 256 pixels.
    expect(resolveModel({ preset: "vqgan" })).toEqual({
      ...strided,
      layout: "full-size",
      downsamplingFactor: 16,
      baseWidth: 128,
      widthMultipliers: [1, 1, 2, 2, 4],
      residualBlocks: [2, 2, 2, 2, 2],
      decoderBlocks: [3, 3, 3, 3, 3],
      attentionStages: [4],
      decoderAttentionStages: [4],
      middleBlocks: 2,
      middleAttention: true,
      latentChannels: 256,
      quantConvolution: "1x1",
      activation: "silu",
      groupNorm: true,
      down: "3x3",
      encoderOutKernel: 3,
    });
  });

  it("reads a model that a version without these fields wrote", () => {
    const { downsamplingFactor, baseWidth, widthMultipliers, residualBlocks, ...rest } = resolveModel({
      preset: "tiny",
      baseWidth: 6,
      residualBlocks: [1, 2],
    });
    const { latentChannels, groupNorm, activation } = rest;
    const earlier = { downsamplingFactor, baseWidth, widthMultipliers, residualBlocks };
    expect(resolveModel({ ...earlier, latentChannels, groupNorm, activation })).toEqual({
      ...earlier,
      ...rest,
    });
  });

  it("gives VQGAN's kind as many stages as its factor needs, and attention to the last", () => {
    expect(resolveModel({ preset: "vqgan", downsamplingFactor: 8 })).toEqual(modelPresets["vqgan-f8"]);
    expect(resolveModel({ preset: "vqgan", downsamplingFactor: 4, residualBlocks: 1 })).toMatchObject({
      widthMultipliers: [1, 2, 4],
      residualBlocks: [1, 1, 1],
      decoderBlocks: [2, 2, 2],
      attentionStages: [2],
      decoderAttentionStages: [2],
    });
    expect(resolveModel({ preset: "vqgan", downsamplingFactor: 32 }).widthMultipliers).toHaveLength(6);
    // Wavelets of 4×4 leave one halving of 8; widths may be more than its two stages.
    const wavelets = { preset: "vqgan", downsamplingFactor: 8, waveletPatch: 4 };
    expect(resolveModel(wavelets).widthMultipliers).toEqual([1, 4]);
    expect(resolveModel({ ...wavelets, widthMultipliers: [2, 4, 4] })).toMatchObject({
      residualBlocks: [2, 2, 2],
      attentionStages: [2],
    });
  });

  it("survives JSON, and a resolved config resolves to itself", () => {
    const config = resolveModel({
      preset: "tiny",
      downsamplingFactor: 8,
      baseWidth: 12,
      widthMultipliers: [1, 3, 2],
      residualBlocks: [0, 1, 2],
      latentChannels: 6,
      groupNorm: true,
      activation: "silu",
    });
    expect(resolveModel(JSON.parse(JSON.stringify(config)))).toEqual(config);
    for (const preset of Object.values(modelPresets)) expect(resolveModel(preset)).toEqual(preset);
  });

  it("fits a preset to another number of stages", () => {
    expect(resolveModel({ preset: "small", downsamplingFactor: 16 })).toMatchObject({
      widthMultipliers: [1, 2, 2, 4],
      residualBlocks: [0, 2, 2, 2],
    });
    expect(resolveModel({ preset: "tiny", downsamplingFactor: 2 })).toMatchObject({
      widthMultipliers: [1],
      residualBlocks: [1],
    });
  });

  it("spreads one number of residual blocks over the stages, 0 included", () => {
    expect(resolveModel({ downsamplingFactor: 8, residualBlocks: 3 }).residualBlocks).toEqual([3, 3, 3]);
    expect(resolveModel({ residualBlocks: 0 }).residualBlocks).toEqual([0, 0]);
  });

  it.each([
    [
      { widthMultipliers: [1, 2, 4] },
      "model.widthMultipliers",
      /expected 2 entries.*downsamplingFactor 4, got 3/,
    ],
    [{ downsamplingFactor: 2, residualBlocks: [] }, "model.residualBlocks", /expected 1 entry.*got 0/],
    [{ residualBlocks: [1, -1] }, "model.residualBlocks[1]", />= 0, got -1/],
    [{ residualBlocks: 1.5 }, "model.residualBlocks", /an integer >= 0, or a list.*got 1.5/],
    [{ widthMultipliers: [1, 0] }, "model.widthMultipliers[1]", />= 1, got 0/],
    [{ downsamplingFactor: 6 }, "model.downsamplingFactor", /"2" or "4" or "8" or "16" or "32", got 6/],
    [{ waveletPatch: 4 }, "model.waveletPatch", /at most 2 with downsamplingFactor 4, got 4/],
    [{ inputWidth: 8 }, "model.inputWidth", /expected null in layout "strided".*got 8/],
    [{ down: "average" }, "model.down", /a convolution in layout "strided".*got "average"/],
    [{ decoderNorm: "spatial" }, "model.decoderNorm", /"group" in a model without norms.*got "spatial"/],
    [
      { preset: "vqgan", widthMultipliers: [1, 2] },
      "model.widthMultipliers",
      /at least 5 entries, one and one per halving of downsamplingFactor 16, got 2/,
    ],
    [
      { preset: "vqgan", decoderBlocks: [1, 2] },
      "model.decoderBlocks",
      /expected 5 entries, one per entry of widthMultipliers, got 2/,
    ],
    [{ attentionStages: [2] }, "model.attentionStages", /expected stages 0..1, each once, got 2/],
    [{ decoderAttentionStages: [1, 1] }, "model.decoderAttentionStages", /each once, got 1/],
    [{ latentChannels: 0 }, "model.latentChannels", />= 1, got 0/],
    [{ activation: "rel" }, "model.activation", /Did you mean "relu"\?/],
    [{ preset: "smal" }, "model.preset", /Did you mean "small"\?/],
    [{ basewidth: 8 }, "model", /unknown key "basewidth".*Did you mean "baseWidth"\?/],
  ])("names what is wrong in %j", (options, path, message) => {
    expect(() => resolveModel(options)).toThrow(
      expect.objectContaining({ code: "config", path, message: expect.stringMatching(message) }),
    );
  });
});
