import { describe, expect, it } from "vitest";
import { ConfigError } from "../../src/core/errors.js";
import { resolveRun, runOptionNames, savedConfig } from "../../src/training/index.js";

const least = { quantizer: { kind: "vq" }, data: "photos/" };

describe("resolveRun", () => {
  it("writes every default out", () => {
    const config = resolveRun(least);
    expect(config).toMatchObject({
      model: { downsamplingFactor: 4, baseWidth: 64 },
      quantizer: { kind: "vq", codebookSize: 1024, initialization: "kmeans", commitmentWeight: 0.25 },
      recipe: "recommended",
      data: { images: "photos/", cropSize: [64, 64], heldOut: 0.2, splitSeed: null },
      loss: { l1: 0, l2: 1, huber: 0, ssim: 0, huberDelta: 1 },
      engine: "auto",
      threads: null,
      out: null,
      overwrite: false,
      evaluateUntrained: true,
      nominalCodebookSize: 1024,
      seed: 0,
      steps: 1000,
      optimizer: { kind: "adam", beta1: 0.9 },
    });
    expect(Object.keys(config).sort()).toEqual([...runOptionNames].sort());
  });

  it("survives JSON and resolves to itself, with other values than the defaults", () => {
    const config = resolveRun({
      model: { preset: "tiny", downsamplingFactor: 8 },
      quantizer: { kind: "fsq", codebookSize: 300 },
      data: { images: ["a/", "b/*.png"], cropSize: [16, 24], splitSeed: 3 },
      loss: { l1: 1, ssim: 0.5 },
      engine: "onnxruntime",
      threads: 3,
      out: "runs/a",
      overwrite: true,
      evaluateUntrained: false,
      seed: 7,
      steps: 12,
      gradientClip: null,
    });
    expect(config.quantizer).toEqual({ kind: "fsq", levels: [7, 7, 6], bound: "paper", noiseDropout: 0 });
    expect(config.nominalCodebookSize).toBe(300);
    expect(resolveRun(JSON.parse(JSON.stringify(config)))).toEqual(config);
    const saved = savedConfig(config);
    expect(resolveRun(saved)).toEqual({ ...config, out: null, overwrite: false });
  });

  it("gives vectors the dimension that goes with VQGAN's presets, where none is said", () => {
    const codeDim = (model: object, quantizer: unknown) =>
      resolveRun({ model, quantizer, data: "photos/" }).quantizer.codeDim;
    expect(codeDim({ preset: "vqgan" }, "vq")).toBe(256);
    expect(codeDim({ preset: "vqgan-f8", baseWidth: 8 }, { kind: "simvq", codebookSize: 9 })).toBe(256);
    expect(codeDim({ preset: "vqgan" }, { kind: "vq", codeDim: 8 })).toBe(8);
    expect(codeDim({ preset: "vqgan-small" }, "vq")).toBe(64);
    expect(codeDim({ preset: "small", latentChannels: 6 }, "vq")).toBe(64);
    expect(codeDim({ preset: "vqgan" }, { kind: "fsq", codebookSize: 300 })).toBeUndefined();
    expect(() => codeDim({ preset: "vqgan" }, { kind: "vq", codebookSizes: 8 })).toThrow(
      expect.objectContaining({ message: expect.stringContaining('unknown key "codebookSizes"') }),
    );
  });

  it("takes a path or a list in place of the data object", () => {
    expect(resolveRun({ ...least, data: ["a", "b"] }).data).toEqual(
      resolveRun({ ...least, data: { images: ["a", "b"] } }).data,
    );
  });

  it("knows no nominal size where none was asked for", () => {
    expect(
      resolveRun({ ...least, quantizer: { kind: "fsq", levels: [5, 3] } }).nominalCodebookSize,
    ).toBeNull();
    const explicit = { quantizer: { kind: "fsq", levels: [5, 3] }, nominalCodebookSize: 16 };
    expect(resolveRun({ ...least, ...explicit }).nominalCodebookSize).toBe(16);
  });

  it.each([
    [null, "", /expected an object, got null/],
    [{ ...least, stepz: 3 }, "", /^unknown key "stepz"\..* Did you mean "steps"\?$/],
    [{ ...least, steps: 0 }, "steps", /^steps: expected an integer >= 1, got 0\.$/],
    [{ ...least, threads: 0 }, "threads", /^threads: expected an integer >= 1, got 0\.$/],
    [{ ...least, engine: "onnx" }, "engine", /^engine: expected "auto" or .*, got "onnx"\./],
    [{ ...least, out: "" }, "out", /^out: expected >= 1 characters, got ""\.$/],
    [{ data: "a", quantizer: 3 }, "quantizer", /^quantizer: expected an object with kind/],
    [{ data: "a", quantizer: null }, "quantizer", /^quantizer: expected an object with kind/],
    [{ data: "a", quantizer: { kind: 7 } }, "quantizer.kind", /^quantizer\.kind: expected .*"fsq" or/],
    [
      { ...least, quantizer: { kind: "vqq" } },
      "quantizer.kind",
      /Unknown quantizer "vqq"\..* Did you mean "vq"\?$/,
    ],
    [
      { ...least, quantizer: { kind: "fsq", levels: [8, 1] } },
      "quantizer.levels[1]",
      /^quantizer\.levels\[1\]: expected an integer >= 2, got 1\.$/,
    ],
    [{ ...least, quantizer: { kind: "vq", codebookSize: 0 } }, "quantizer.codebookSize", />= 1, got 0/],
    [{ quantizer: { kind: "vq" } }, "data", /^data: expected a folder, a file, .*, got nothing\.$/],
    [{ ...least, data: { images: "a", cropsize: 3 } }, "data", /Did you mean "cropSize"\?$/],
    [{ ...least, model: { preset: "tiny", basewidth: 3 } }, "model", /Did you mean "baseWidth"\?$/],
    [{ ...least, model: null }, "model", /^model: expected an object, got null\.$/],
    [{ ...least, loss: null }, "loss", /^loss: /],
    [{ ...least, loss: "l3" }, "loss", /Unknown reconstruction loss "l3"/],
    [
      { ...least, data: { images: "a", cropSize: [64, 66] } },
      "data.cropSize",
      "data.cropSize: expected multiples of the model's downsamplingFactor 4, got 66. Nearest: 64 or 68.",
    ],
    [
      { ...least, data: { images: "a", cropSize: [2, 64] } },
      "data.cropSize",
      "data.cropSize: expected multiples of the model's downsamplingFactor 4, got 2. Nearest: 4.",
    ],
    [
      { ...least, data: { images: "a", cropSize: [64, 8] }, loss: "ssim" },
      "data.cropSize",
      "data.cropSize: expected sides >= 11 pixels for the SSIM loss, got 8.",
    ],
  ])("refuses %j", (options, at, message) => {
    const refused = () => resolveRun(options);
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(message);
    expect(refused).toThrow(expect.objectContaining({ path: at }));
  });
});
