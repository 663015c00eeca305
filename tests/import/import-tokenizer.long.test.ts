/** Every family in the form of files that it is published in, written by PyTorch. VQKIT_PYTHON names a Python with it. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { readSafetensors } from "../../src/files/index.js";
import { importTokenizer } from "../../src/import/index.js";
import { loadModel } from "../../src/tokenizer/index.js";
import { useEngine } from "../engine.js";
import { temporaryFolder } from "../runs/temporary-folder.js";
import { agreementOf } from "./agreement.js";
import { type FixtureName, fixtureNames, fixtures } from "./fixtures.js";
import { expectAgreement, first } from "./imported.js";
import { hasPython, python } from "./python.js";

/** Where a family is one file and not a folder. */
const FILES = ["last.ckpt", "imagenet.ckpt", "vq.pt", "maskgit-vqgan.bin"];
const tool = resolve(import.meta.dirname, "../../tools/make-tokenizer-fixtures.py");

beforeAll(useEngine);

it.each(fixtureNames.filter((name) => !first.includes(name)))(
  "a published tokenizer gives the latents, indices and pixels that PyTorch computed: %s",
  expectAgreement,
);

const runs = hasPython("torch, numpy, safetensors, diffusers, transformers, taming");
describe.skipIf(!runs)(`published files${runs ? "" : " (no Python with PyTorch and the libraries)"}`, () => {
  it.each<FixtureName>(fixtureNames)(
    "%s",
    async (name) => {
      const folder = await temporaryFolder();
      execFileSync(python, [tool, folder, "--files", "--only", name], { stdio: "ignore" });
      const source = join(folder, name);
      const file = FILES.find((each) => existsSync(join(source, each)));
      const { dir, original } = await importTokenizer(file === undefined ? source : join(source, file), {
        out: join(folder, "model"),
      });
      expect(original.family).toBe(fixtures[name].family);
      expect(original.averaged).toBe(["ibq", "open-magvit2"].includes(name));
      const { model } = await loadModel(dir);
      const { tensors } = await readSafetensors(join(source, "expected.safetensors"));
      const { latents, wrong, undecided, decoded } = await agreementOf(model, tensors);
      model.dispose();
      expect(latents).toBeLessThan(1e-4);
      expect(wrong).toBe(0);
      expect(undecided).toBeLessThanOrEqual(1e-3);
      if (decoded === null) expect(name).toBe("chameleon");
      else {
        expect(decoded.largest).toBeLessThan(1e-3);
        expect(decoded.mean).toBeLessThan(1e-4);
      }
    },
    300_000,
  );
});
