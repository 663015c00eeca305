import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";

const SMALL = ["--crop-size", "16", "--batch-size", "2", "--steps", "2", "--threads", "1"];
const TINY = [
  ...["--preset", "tiny", "--downsampling-factor", "2"],
  ...["--set", "model.baseWidth=4", "--set", "model.latentChannels=4"],
];

let photos: string;
let source: string;

beforeEach(async () => {
  const dir = await temporaryFolder();
  photos = path.join(dir, "photos");
  source = path.join(dir, "source");
  await mkdir(photos);
  await writeImages(photos, 4);
  const quantizer = ["--quantizer", "simvq", "--codebook-size", "9", "--code-dim", "4"];
  const { code } = await vqkit(["train", photos, ...SMALL, ...TINY, ...quantizer, "--out", source]);
  expect(code).toBe(0);
});

describe("train --from", () => {
  test("takes model and quantizer from there, and says so in the configuration", async () => {
    const out = path.join(path.dirname(source), "tuned");
    const flags = ["--from", source, "--from-codebook", "frozen"];
    const { code, stderr } = await vqkit(["train", photos, ...SMALL, ...flags, "--out", out]);
    expect(code).toBe(0);
    expect(stderr).toContain("simvq, 9 codes of 4 numbers");
    expect(stderr).toContain(`from       ${source}, codebook: frozen`);
    const { config } = JSON.parse(await readFile(path.join(out, "config.json"), "utf8")) as {
      config: Record<string, unknown>;
    };
    expect(config).toMatchObject({
      from: { model: source, codebook: "frozen", fingerprint: expect.stringMatching(/^[\da-f]{64}$/) },
      quantizer: { kind: "simvq", codebookSize: 9 },
      model: { baseWidth: 4 },
    });
  });

  test("freezes the parts that --freeze names", async () => {
    const out = path.join(path.dirname(source), "decoder");
    const flags = ["--from", source, "--freeze", "encoder,codebook", "--out", out];
    const { code, stderr } = await vqkit(["train", photos, ...SMALL, ...flags]);
    expect(code).toBe(0);
    expect(stderr).toContain(`from       ${source}, codebook: keep; frozen: encoder, codebook`);
    const { config } = JSON.parse(await readFile(path.join(out, "config.json"), "utf8")) as {
      config: Record<string, unknown>;
    };
    expect(config).toMatchObject({ freeze: ["encoder", "codebook"] });
    const wrong = await vqkit(["train", photos, "--from", source, "--freeze", "encodr", "--out", `${out}2`]);
    expect(wrong.code).toBe(2);
    expect(wrong.stderr).toMatch(/^error: --freeze.*Did you mean "encoder"\?/m);
    const alone = await vqkit(["train", photos, "--freeze", "decoder", "--out", `${out}2`]);
    expect(alone.code).toBe(2);
    expect(alone.stderr).toMatch(/^error: --freeze: expected a model to start from/m);
  });

  test("names its flags where something is wrong", async () => {
    const out = path.join(path.dirname(source), "other");
    const wrong = ["--from", source, "--codebook-size", "8", "--out", out];
    const { code, stderr } = await vqkit(["train", photos, ...SMALL, ...wrong]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: (--)?from[.-]codebook: expected the quantizer of /m);
    const unknown = await vqkit(["train", photos, "--from", source, "--from-codebook", "warm", "--out", out]);
    expect(unknown.code).toBe(2);
    expect(unknown.stderr).toMatch(/^error: --from-codebook: /m);
    const alone = await vqkit(["train", photos, "--from-codebook", "fresh", "--out", out]);
    expect(alone.code).toBe(2);
    expect(alone.stderr).toMatch(/^error: --from-codebook: expected --from MODEL beside it/m);
    const resumed = await vqkit(["train", "--resume", source, "--from", source]);
    expect(resumed.code).toBe(2);
    expect(resumed.stderr).toMatch(/^error: --from: expected no --resume with it/m);
  });
});
