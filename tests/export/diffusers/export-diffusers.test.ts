import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { exportDiffusers } from "../../../src/export/index.js";
import { readSafetensors, type StoredTensor } from "../../../src/files/index.js";
import { importTokenizer } from "../../../src/import/index.js";
import { useEngine } from "../../engine.js";
import { type FixtureName, readFixture, writeSource } from "../../import/fixtures.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";

beforeAll(useEngine);

async function imported(name: FixtureName): Promise<{ folder: string; model: string }> {
  const folder = await temporaryFolder();
  const source = await writeSource(join(folder, "source"), name);
  const { dir } = await importTokenizer(source, { out: join(folder, "model") });
  return { folder, model: dir };
}

describe("exportDiffusers", () => {
  it.each(["amused", "diffusers-attention", "movq"] as const)(
    "writes what was imported, bit for bit: %s",
    async (name) => {
      const { folder, model } = await imported(name);
      const { dir } = await exportDiffusers(model, { out: join(folder, "diffusers"), threads: 1 });
      const { weights, config } = await readFixture(name);
      const { tensors } = await readSafetensors(join(dir, "diffusion_pytorch_model.safetensors"));
      expect([...tensors.keys()].sort()).toEqual([...weights.keys()].sort());
      for (const [weight, { shape, data }] of weights) {
        const written = tensors.get(weight) as StoredTensor;
        expect(written.shape, weight).toEqual(shape);
        expect(Buffer.from(written.data.buffer).equals(Buffer.from(data.buffer)), weight).toBe(true);
      }
      const written = JSON.parse(await readFile(join(dir, "config.json"), "utf8"));
      for (const field of ["block_out_channels", "down_block_types", "up_block_types", "layers_per_block"]) {
        expect(written[field], field).toEqual(config?.[field]);
      }
      for (const field of ["norm_num_groups", "norm_type", "vq_embed_dim", "mid_block_add_attention"]) {
        expect(written[field], field).toEqual(config?.[field]);
      }
    },
  );

  it.each<[FixtureName, RegExp]>([
    ["llamagen-vq8", /needs codes of one table, searched by squared distance/],
    ["cosmos-di8", /needs codes of one table/],
    ["maskgit", /needs down "3x3" and up "nearest"/],
    ["chameleon", /needs a decoder/],
  ])("refuses %s with the reason", async (name, message) => {
    const { folder, model } = await imported(name);
    const failed = exportDiffusers(model, { out: join(folder, "diffusers"), threads: 1 });
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toMatchObject({ code: "format" });
  });
});
