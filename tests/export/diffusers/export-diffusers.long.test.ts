/** `VQModel.from_pretrained` of what was exported gives what PyTorch computed. VQKIT_PYTHON names a Python with diffusers. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { exportDiffusers } from "../../../src/export/index.js";
import { importTokenizer } from "../../../src/import/index.js";
import { useEngine } from "../../engine.js";
import { type FixtureName, writeSource } from "../../import/fixtures.js";
import { hasPython, python } from "../../import/python.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";

/** Indices that differ, and the largest difference of decoded pixels. */
const CHECK = `
import sys, json, torch
from diffusers import VQModel
from safetensors.torch import load_file
torch.set_grad_enabled(False)
model, e = VQModel.from_pretrained(sys.argv[1]).eval(), load_file(sys.argv[2])
latents = model.encode(e["images"]).latents
indices = model.quantize(latents)[2][2].view(e["indices"].shape)
codes = model.quantize.get_codebook_entry(e["indices"].long().flatten(), (*indices.shape, latents.shape[1]))
decoded = model.decode(codes, force_not_quantize=True).sample
print(json.dumps([(indices != e["indices"]).sum().item(), (decoded - e["decoded"]).abs().max().item()]))
`;

beforeAll(useEngine);

const runs = hasPython("diffusers, safetensors");
describe.skipIf(!runs)(`diffusers${runs ? "" : " (no Python with diffusers)"}`, () => {
  it.each<FixtureName>(["amused", "diffusers-attention", "movq", "taming", "chameleon-original"])(
    "loads %s with the same indices and pixels",
    async (name) => {
      const folder = await temporaryFolder();
      const source = await writeSource(join(folder, "source"), name);
      const { dir } = await importTokenizer(source, { out: join(folder, "model") });
      await exportDiffusers(dir, { out: join(folder, "diffusers"), threads: 1 });
      const expected = join(import.meta.dirname, "../../import/fixtures", `${name}.safetensors`);
      const printed = execFileSync(python, ["-c", CHECK, join(folder, "diffusers"), expected], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      const [different, largest] = JSON.parse(printed.trim().split("\n").at(-1) as string) as [
        number,
        number,
      ];
      expect(different).toBe(0);
      expect(largest).toBeLessThan(1e-5);
    },
    300_000,
  );
});
