/** Fixtures, imported as a published tokenizer would be. */
import { join } from "node:path";
import { expect } from "vitest";
import { importTokenizer } from "../../src/import/index.js";
import { loadModel } from "../../src/tokenizer/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";
import { agreementOf } from "./agreement.js";
import { type FixtureName, fixtures, readFixture, writeSource } from "./fixtures.js";

export async function importedTo(folder: string, name: FixtureName) {
  const source = await writeSource(join(folder, "source"), name);
  return importTokenizer(source, { out: join(folder, "model") });
}

/** Of each way to lay a network out one: `npm test` takes these, the long tests the others. */
export const first: readonly FixtureName[] = ["amused", "chameleon", "taming", "llamagen-vq8", "cosmos-di8"];

/** That a fixture, imported, gives the latents, indices and pixels that PyTorch computed. */
export async function expectAgreement(name: FixtureName): Promise<void> {
  const folder = await temporaryFolder();
  const { dir, original } = await importedTo(folder, name);
  expect(original.family).toBe(fixtures[name].family);
  const { model } = await loadModel(dir);
  try {
    const { latents, wrong, undecided, decoded } = await agreementOf(
      model,
      (await readFixture(name)).expected,
    );
    expect(latents).toBeLessThan(1e-4);
    expect(wrong).toBe(0);
    expect(undecided).toBeLessThanOrEqual(1e-3);
    if (name === "chameleon") expect(decoded).toBeNull();
    else {
      expect(decoded?.largest).toBeLessThan(1e-3);
      expect(decoded?.mean).toBeLessThan(1e-4);
    }
  } finally {
    model.dispose();
  }
}
