import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/core/errors.js";
import {
  createQuantizer,
  describeQuantizers,
  parseQuantizerConfig,
  type QuantizerDefinition,
  quantizerFacts,
  quantizerKinds,
  quantizerWarnings,
  recommendationFor,
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
  it("knows the kinds of the family, sorted", () => {
    const kinds = quantizerKinds();
    expect(kinds).toEqual(expect.arrayContaining(["fsq", "lfq", "rotation", "simvq", "vq"]));
    expect(kinds).toEqual([...kinds].sort());
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
      /Unknown quantizer "vqq"\. Known: .*fsq, .*rotation, .*simvq, .*vq\. Did you mean "vq"\?/,
    ],
    [{ codebookSize: 4 }, "quantizer.kind", /expected .*"vq".*, got/],
    ["vq", "quantizer", /expected an object/],
    [{ kind: "vq", codebookSize: 0 }, "quantizer.codebookSize", /expected an integer >= 1, got 0/],
    [{ kind: "vq", codebookSise: 8 }, "quantizer", /unknown key "codebookSise".*Did you mean "codebookSize"/],
    [{ kind: "vq", codebook: "linear" }, "quantizer.codebook", /"free" or "ema"/],
    [{ kind: "vq", gradient: "rotation" }, "quantizer.gradient", /"straight-through"/],
    [
      { kind: "vq", emaDecay: 0.9 },
      "quantizer.emaDecay",
      /codebook is "free" and only "ema" or "ema-sphere" reads it/,
    ],
    [
      { kind: "vq", codebook: "ema", codebookWeight: 1 },
      "quantizer.codebookWeight",
      /only "free" or .*"sphere".* reads it/,
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
    [
      { kind: "vq", gradient: "diveq-detach" },
      {
        codebook: "free",
        gradient: "diveq-detach",
        initialization: "uniform",
        commitmentWeight: 0,
        codebookWeight: 0,
      },
    ],
    [
      { kind: "vq", gradient: "diveq-detach", codebook: "ema", commitmentWeight: 0.5 },
      {
        codebook: "ema",
        gradient: "diveq-detach",
        initialization: "uniform",
        commitmentWeight: 0.5,
        emaDecay: 0.99,
        emaEpsilon: 1e-5,
      },
    ],
  ])("writes out the defaults of %j, and only the options that are read", (config, expected) => {
    const common = { codebookSize: 1024, codeDim: 64, commitmentWeight: 0.25 };
    // Off unless asked for, of every codebook whose codes can be put anywhere.
    const replacement = { replaceBelow: 0, replaceEvery: 10, replaceAfter: 0, replaceDecay: 0.9 };
    const regularization = {
      entropyWeight: 0,
      diversityWeight: 1,
      entropyTemperature: 0.01,
      orthogonalWeight: 0,
    };
    const takesReplacement = expected.codebook !== "linear";
    expect(parseQuantizerConfig(config)).toEqual({
      ...config,
      ...common,
      ...(takesReplacement ? replacement : {}),
      ...(expected.codebook !== "ema" ? regularization : {}),
      ...expected,
    });
  });

  it.each([
    [{ kind: "vq" }, { codebook: "ema", initialization: "kmeans" }],
    [
      { kind: "vq", codebookSize: 9, gradient: "straight-through" },
      { codebook: "ema", initialization: "kmeans" },
    ],
    [
      { kind: "vq", emaDecay: 0.9 },
      { codebook: "ema", initialization: "kmeans" },
    ],
    [{ kind: "vq", codebook: "ema" }, undefined],
    [{ kind: "vq", initialization: "data" }, undefined],
    [{ kind: "vq", codebookWeight: 0.25 }, undefined], // moving averages do not read it
    [{ kind: "vq", codebookSize: 0 }, undefined], // a mistake, which is told elsewhere
    [{ kind: "vq", gradient: "rotation" }, undefined],
    [{ kind: "vq", gradient: "diveq-detach" }, undefined], // another way
    [{ kind: "simvq" }, undefined],
    [{ kind: "nobody's" }, undefined],
  ])("recommends for %j, which leaves that open: %j", (config, options) => {
    expect(recommendationFor(config)?.options).toEqual(options);
  });

  it("resolves a resolved configuration to the same bytes, whichever options were given", () => {
    for (const given of [
      { commitmentWeight: 0.5 },
      { replaceDecay: 0.5 },
      { codebook: "ema", emaEpsilon: 1e-4 },
    ]) {
      const once = JSON.stringify(parseQuantizerConfig({ kind: "vq", ...given }));
      expect(JSON.stringify(parseQuantizerConfig(JSON.parse(once)))).toBe(once);
    }
  });

  it("says nothing of what it does not know", () => {
    expect(quantizerFacts({ kind: "external" })).toBeNull();
    for (const config of [undefined, null, "vq", [], {}, { kind: 5 }, { kind: "vq", codebookSize: 0 }]) {
      expect(quantizerFacts(config)).toBeNull();
    }
  });

  it("says of each kind how large it is, how it learns and where it may be looked up", () => {
    const facts = (config: object) => quantizerFacts(config);
    // K·D; K·(D + 1); K·D + D·D, and D more with a bias
    expect(facts({ kind: "vq", codebookSize: 10, codeDim: 3 })).toMatchObject({
      numbers: 30,
      learning: "chosen",
    });
    expect(facts({ kind: "vq", codebook: "ema", codebookSize: 10, codeDim: 3 })).toMatchObject({
      numbers: 40,
      learning: "averages",
    });
    expect(facts({ kind: "simvq", codebookSize: 10, codeDim: 3 })).toMatchObject({
      numbers: 42,
      learning: "all",
    });
    expect(
      facts({ kind: "rotation", codebook: "linear", linearBias: false, codebookSize: 10, codeDim: 3 }),
    ).toMatchObject({
      numbers: 39,
    });
    expect(facts({ kind: "fsq", levels: [5, 4, 3] })).toMatchObject({
      codebookSize: 60,
      numbers: 0,
      learning: "never",
      levels: [5, 4, 3],
      comparesLengths: false,
    });
  });

  it("lists what each codebook and gradient is, with its paper", () => {
    const choicesOf = (kind: string, option: string) =>
      describeQuantizers()
        .find((each) => each.kind === kind)
        ?.options.find(({ name }) => name === option)?.choices ?? [];
    expect(choicesOf("rotation", "codebook").map(({ name }) => name)).toEqual(
      expect.arrayContaining(["free", "ema", "linear"]),
    );
    expect(choicesOf("simvq", "gradient").map(({ name }) => name)).toEqual(
      expect.arrayContaining(["straight-through", "rotation", "reflection"]),
    );
    expect(choicesOf("simvq", "codebook")).toEqual([
      {
        name: "linear",
        summary: "a frozen random table times one linear layer that learns: every code moves at each step",
        paper: expect.objectContaining({ arxiv: "2411.02038" }),
      },
    ]);
    expect(choicesOf("fsq", "levels")).toEqual([]);
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
      expect.objectContaining({
        name: "codebook",
        type: expect.stringMatching(/^"free" \| "ema" \| /),
        default: "free",
      }),
    );
    expect(described.get("fsq")?.options).toContainEqual(
      expect.objectContaining({ name: "levels", type: "list of integer >= 2, <= 1000" }),
    );
    expect(options).toContainEqual(
      expect.objectContaining({
        name: "commitmentWeight",
        default: 0.25,
        description: expect.stringMatching(
          /^weight of the commitment loss \(beta\); 0 with gradient diveq-detach/,
        ),
      }),
    );
    for (const { options: all } of described.values()) {
      expect(all.every(({ description }) => description.length > 5)).toBe(true);
    }
  });
});
