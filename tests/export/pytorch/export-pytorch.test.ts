import { readdir, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { exportPytorch } from "../../../src/export/index.js";
import { carriedKinds, carriedParts } from "../../../src/export/pytorch/refusals.js";
import { bytesOf } from "../../../src/files/index.js";
import { codebookParts, estimatorParts } from "../../../src/quantizers/family/parts.js";
import { readStoredModel } from "../../../src/runs/index.js";
import { loadModel } from "../../../src/tokenizer/index.js";
import { planRun } from "../../../src/training/index.js";
import { useEngine } from "../../engine.js";
import { temporaryFolder } from "../../training/tiny-runs.js";
import { runFolder, variants } from "../models.js";

const python = resolve(import.meta.dirname, "../../../python");

beforeAll(useEngine);

async function projectOf(source: Parameters<typeof exportPytorch>[0]) {
  const out = join(await temporaryFolder(), "project");
  const { files, warnings } = await exportPytorch(source, { out, threads: 1 });
  return { out, files, warnings, config: JSON.parse(await readFile(join(out, "config.json"), "utf8")) };
}

const tiny = { model: { preset: "tiny", baseWidth: 8 }, data: "photos/", seed: 4 } as const;

describe("exportPytorch", () => {
  it("writes the package, a configuration without places, and fresh weights", async () => {
    const { out, files, config } = await projectOf({
      ...tiny,
      quantizer: { kind: "vq", codebook: "ema", initialization: "kmeans", codebookSize: 12, codeDim: 5 },
    });
    expect(files).toContain("vqkit_torch/quantizers/vector.py");
    const written = await readdir(out, { recursive: true });
    for (const file of files) expect(written).toContain(file);
    const source = await readFile(join(python, "vqkit_torch", "step.py"));
    expect((await readFile(join(out, "vqkit_torch", "step.py"))).equals(source)).toBe(true);
    expect(config).toMatchObject({ format: "vqkit-pytorch", formatVersion: 1, initialize: true });
    expect(config.config).toMatchObject({ seed: 4, quantizer: { kind: "vq", emaDecay: 0.99 } });
    expect(config.config.data).not.toHaveProperty("images");
    for (const place of ["engine", "threads", "out"]) expect(config.config).not.toHaveProperty(place);
    expect(await readFile(join(out, "README.md"), "utf8")).toContain("fresh weights; the codebook is set");
    // The weights that training here begins with: drawn from the seed and each name alone.
    const { model } = await loadModel(join(out, "model.safetensors"));
    expect(model.variables().get("quantizer/counts")?.shape).toEqual([12]);
    expect([...model.variables().keys()]).toContain("projection/out/bias");
    model.dispose();
  });

  it("takes a trained model's weights bit for bit, and the options of its run", async () => {
    const { config } = await planRun({ ...tiny, steps: 70, loss: { l1: 1 }, quantizer: "fsq" });
    const { out: _out, overwrite: _overwrite, allowOversize: _allow, ...saved } = config;
    const run = await runFolder(await temporaryFolder(), {
      model: config.model,
      quantizer: config.quantizer,
      run: JSON.parse(JSON.stringify(saved)),
    });
    const project = await projectOf(run);
    expect(project.config).toMatchObject({
      initialize: false,
      config: { steps: 70, loss: { l1: 1, l2: 0 } },
    });
    const before = (await readStoredModel(run)).file.weights;
    const after = (await readStoredModel(join(project.out, "model.safetensors"))).file.weights;
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    for (const [name, tensor] of before) {
      const copy = after.get(name);
      expect(copy && Buffer.compare(bytesOf(copy), bytesOf(tensor)), name).toBe(0);
    }
  });

  it("says what it leaves out, and leaves a frozen codebook where it is", async () => {
    const run = await runFolder(await temporaryFolder(), variants["vq, relu"]);
    const { config, warnings } = await projectOf({
      data: "photos/",
      from: { model: run, codebook: "frozen" },
      evaluateEvery: 10,
    });
    expect(config).toMatchObject({ initialize: false, config: { freeze: ["codebook"] } });
    expect(config.config.from.model).not.toContain("/");
    expect(warnings).toEqual([expect.stringContaining("evaluateEvery: the project evaluates nothing")]);
  });

  it.each<[object, RegExp]>([
    [{ objectives: ["adversarial"] }, /objectives: expected none, got "adversarial", whose networks/],
    [{ onNan: "rollback" }, /onNan: expected "stop" or "skip", got "rollback"/],
    [{ evaluateEvery: 5, stopAfter: 3 }, /stopAfter: expected null, got 3/],
  ])("refuses %j with the reason", async (options, message) => {
    const out = join(await temporaryFolder(), "project");
    const failed = exportPytorch({ ...tiny, ...options }, { out, threads: 1 });
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toMatchObject({ code: "format" });
  });

  it("has Python for every kind and part that it says is carried", async () => {
    const entriesOf = async (file: string, table: string): Promise<string[]> => {
      const text = await readFile(join(python, "vqkit_torch", "quantizers", file), "utf8");
      const [, body = ""] = new RegExp(`^${table} = \\{\n(.*?)^\\}`, "ms").exec(text) ?? [];
      return [...body.matchAll(/^ {4}"([^"]+)": /gm)].map(([, name]) => name as string);
    };
    expect(await entriesOf("__init__.py", "KINDS")).toEqual(carriedKinds);
    expect(await entriesOf("__init__.py", "CODEBOOKS")).toEqual(carriedParts.codebook);
    expect(await entriesOf("estimators.py", "ESTIMATORS")).toEqual(carriedParts.gradient);
    const known: readonly string[] = [...codebookParts, ...estimatorParts].map(({ name }) => name);
    expect(known).toEqual(expect.arrayContaining([...carriedParts.codebook, ...carriedParts.gradient]));
  });
});
