import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/core/errors.js";
import {
  createQuantizer,
  describeQuantizers,
  parseQuantizerConfig,
  type QuantizerDefinition,
  quantizerKinds,
  quantizerWarnings,
  registerQuantizer,
} from "../../src/quantizers/index.js";

const external: QuantizerDefinition = {
  kind: "external",
  summary: "Not ours",
  options: [],
  parse: (value) => ({ ...(value as object), kind: "external" }),
  create: () => {
    throw new Error("not built in this test");
  },
};

describe("the registry", () => {
  it("knows the four kinds", () => {
    expect(quantizerKinds()).toEqual(["fsq", "rotation", "simvq", "vq"]);
  });

  it("takes another kind once, and the same definition again", () => {
    registerQuantizer(external);
    registerQuantizer(external);
    expect(quantizerKinds()).toContain("external");
    expect(parseQuantizerConfig({ kind: "external", a: 1 })).toEqual({ kind: "external", a: 1 });
    expect(quantizerWarnings({ kind: "external" })).toEqual([]);
    expect(() => registerQuantizer({ ...external })).toThrow(ConfigError);
    expect(() => registerQuantizer({ ...external, kind: "vq" })).toThrow(/"vq" is already registered/);
  });

  it.each([
    [
      { kind: "vqq" },
      "quantizer.kind",
      /Unknown quantizer "vqq"\. Known: .*fsq, rotation, simvq, vq\. Did you mean "vq"\?/,
    ],
    [{ codebookSize: 4 }, "quantizer.kind", /expected .*"vq".*, got/],
    ["vq", "quantizer", /expected an object/],
    [{ kind: "vq", codebookSize: 0 }, "quantizer.codebookSize", /expected an integer >= 1, got 0/],
    [{ kind: "vq", codebookSise: 8 }, "quantizer", /unknown key "codebookSise".*Did you mean "codebookSize"/],
    [{ kind: "vq", codebook: "linear" }, "quantizer.codebook", /"free" or "ema"/],
    [{ kind: "vq", gradient: "rotation" }, "quantizer.gradient", /"straight-through"/],
    [{ kind: "vq", emaDecay: 0.9 }, "quantizer.emaDecay", /codebook is "free" and only "ema" reads it/],
    [
      { kind: "vq", codebook: "ema", codebookWeight: 1 },
      "quantizer.codebookWeight",
      /only "free" or "linear" reads it/,
    ],
    [{ kind: "rotation", codebook: "ema", emaDecay: 1 }, "quantizer.emaDecay", /< 1/],
    [
      { kind: "rotation", gradient: "reflection", radialGradient: true },
      "quantizer.radialGradient",
      /only "rotation"/,
    ],
    [{ kind: "simvq", commitmentWeight: -1 }, "quantizer.commitmentWeight", />= 0/],
  ])("refuses %j", (config, path, message) => {
    const make = () => createQuantizer(config, 0);
    expect(make).toThrow(message);
    expect(make).toThrow(expect.objectContaining({ code: "config", path }));
  });

  it.each([
    [
      { kind: "vq" },
      { codebook: "free", gradient: "straight-through", initialization: "uniform", codebookWeight: 1 },
    ],
    [
      { kind: "vq", codebook: "ema" },
      {
        codebook: "ema",
        gradient: "straight-through",
        initialization: "uniform",
        emaDecay: 0.99,
        emaEpsilon: 1e-5,
      },
    ],
    [
      { kind: "rotation" },
      {
        codebook: "free",
        gradient: "rotation",
        initialization: "uniform",
        codebookWeight: 1,
        radialGradient: true,
      },
    ],
    [
      { kind: "simvq" },
      {
        codebook: "linear",
        gradient: "straight-through",
        initialization: "normal",
        codebookWeight: 1,
        linearBias: true,
      },
    ],
  ])("writes out the defaults of %j, and only the options that are read", (config, expected) => {
    const common = { codebookSize: 1024, codeDim: 64, commitmentWeight: 0.25 };
    expect(parseQuantizerConfig(config)).toEqual({ ...config, ...common, ...expected });
  });

  it("describes each kind with its paper and options", () => {
    const described = new Map(describeQuantizers().map((description) => [description.kind, description]));
    expect(described.get("vq")?.paper).toEqual({
      title: "Neural Discrete Representation Learning",
      arxiv: "1711.00937",
    });
    const options = described.get("vq")?.options ?? [];
    expect(options.map(({ name }) => name)).not.toContain("linearBias");
    expect(options).toContainEqual({
      name: "codebookSize",
      type: "integer >= 1, <= 16777216",
      default: 1024,
      description: "codes in the codebook (K)",
    });
    expect(options).toContainEqual(
      expect.objectContaining({ name: "codebook", type: '"free" | "ema"', default: "free" }),
    );
    expect(described.get("fsq")?.options).toContainEqual(
      expect.objectContaining({ name: "levels", type: "list of integer >= 2, <= 1000" }),
    );
    for (const { options: all } of described.values()) {
      expect(all.every(({ description }) => description.length > 5)).toBe(true);
    }
  });
});
