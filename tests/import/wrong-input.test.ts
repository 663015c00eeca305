/** What people give by mistake, or others give them: the exact lines that they read. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { type StoredTensor, writeSafetensors } from "../../src/files/index.js";
import { vqkit } from "../cli/harness.js";
import { useEngine } from "../engine.js";
import { temporaryFolder } from "../runs/temporary-folder.js";
import { readFixture, writeSource } from "./fixtures.js";

beforeAll(useEngine);

/** Written by tools/make-pytorch-files.py. */
const pickles = resolve(import.meta.dirname, "../files/pytorch");

function zeros(...shape: number[]): StoredTensor {
  return { dtype: "F32", shape, data: new Float32Array(shape.reduce((product, side) => product * side, 1)) };
}

async function file(folder: string, weights: Readonly<Record<string, StoredTensor>>): Promise<string> {
  const path = join(folder, "model.safetensors");
  await writeSafetensors(path, new Map(Object.entries(weights)), {});
  return path;
}

const CASES: readonly [
  what: string,
  prepare: (folder: string) => Promise<readonly string[]>,
  line: (folder: string) => string,
][] = [
  [
    "a pickle that asks for os.system, and holds no tokenizer (that nothing runs is held in tests/files/pytorch)",
    async () => [join(pickles, "command.pt")],
    () =>
      `${join(pickles, "command.pt")}: this model cannot be imported: it has no weights of a convolutional tokenizer.`,
  ],
  [
    "a truncated archive",
    async (folder) => {
      const whole = await readFile(join(pickles, "state.pt"));
      await writeFile(join(folder, "cut.ckpt"), whole.subarray(0, whole.length >> 1));
      return [join(folder, "cut.ckpt")];
    },
    (folder) =>
      `${folder}/cut.ckpt: not a whole zip archive (End of central directory record signature not found. Either not a zip file, or file is truncated). Download it again if it was cut short.`,
  ],
  [
    "Stable Diffusion's autoencoder",
    async (folder) => [
      await file(folder, {
        "first_stage_model.encoder.conv_in.weight": zeros(8, 3, 3, 3),
        "first_stage_model.encoder.conv_out.weight": zeros(8, 8, 3, 3),
        "first_stage_model.decoder.conv_in.weight": zeros(8, 4, 3, 3),
        "first_stage_model.quant_conv.weight": zeros(8, 8, 1, 1),
        "model.diffusion_model.out.weight": zeros(2),
      }),
    ],
    (folder) =>
      `${folder}/model.safetensors: this model cannot be imported: it is a variational autoencoder (KL): its latents are continuous, and there are no codes to count or write.`,
  ],
  [
    "a classifier",
    async (folder) => [
      await file(folder, {
        "conv1.weight": zeros(8, 3, 7, 7),
        "fc.weight": zeros(10, 8),
        "fc.bias": zeros(10),
      }),
    ],
    (folder) =>
      `${folder}/model.safetensors: this model cannot be imported: it is a classifier, without a decoder or codes.`,
  ],
  [
    "the YAML of another model",
    async (folder) => {
      const { config } = await readFixture("taming");
      const other = JSON.stringify(config).replace(/"ch":32\b/, '"ch":48');
      await writeSource(folder, "taming");
      await writeFile(join(folder, "other.yaml"), other);
      return [join(folder, "model.safetensors"), "--config", join(folder, "other.yaml")];
    },
    (folder) =>
      `${folder}/other.yaml: model.params.ddconfig.ch: expected 32, as the weights are, got 48. It is the configuration of another model.`,
  ],
  [
    "a shard that is missing",
    async (folder) => {
      const map = {
        "model.vqmodel.encoder.conv_in.weight": "model-00002-of-00002.safetensors",
        "lm_head.weight": "model-00001-of-00002.safetensors",
      };
      await writeFile(join(folder, "model.safetensors.index.json"), JSON.stringify({ weight_map: map }));
      return [folder];
    },
    (folder) =>
      `${folder}/model.safetensors.index.json: expected model-00002-of-00002.safetensors beside it, got none. Download it too.`,
  ],
];

describe("vqkit import, given what it cannot take, says so in one line and leaves nothing", () => {
  it.each(CASES)("%s", async (_, prepare, line) => {
    const dir = await temporaryFolder();
    const folder = join(dir, "source");
    await mkdir(folder);
    const args = await prepare(folder);
    const outcome = await vqkit(["import", ...args, "--out", join(dir, "out"), "--quiet"]);
    expect(outcome).toEqual({ code: 1, stdout: "", stderr: `error: ${line(folder)}\n` });
    await expect(readFile(join(dir, "out", "config.json"))).rejects.toThrow("ENOENT");
  });
});
