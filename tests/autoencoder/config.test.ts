import { describe, expect, it } from "vitest";
import { modelPresets, resolveModel } from "../../src/autoencoder/config.js";

describe("resolveModel", () => {
  it("writes every default out", () => {
    expect(resolveModel({})).toEqual({
      downsamplingFactor: 4,
      baseWidth: 64,
      widthMultipliers: [1, 2],
      residualBlocks: [0, 2],
      latentChannels: 64,
      groupNorm: false,
      activation: "relu",
    });
    expect(resolveModel({ preset: "base" })).toEqual({
      downsamplingFactor: 16,
      baseWidth: 128,
      widthMultipliers: [1, 2, 2, 4],
      residualBlocks: [2, 2, 2, 2],
      latentChannels: 64,
      groupNorm: true,
      activation: "silu",
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
    [{ downsamplingFactor: 6 }, "model.downsamplingFactor", /"2" or "4" or "8" or "16", got 6/],
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
