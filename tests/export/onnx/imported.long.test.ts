/** Every family of published tokenizers, from its file to ONNX: the gate compares every index, and every pixel. */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { exportOnnx } from "../../../src/export/index.js";
import { importTokenizer } from "../../../src/import/index.js";
import { writeImages } from "../../cli/harness.js";
import { useEngine } from "../../engine.js";
import { type FixtureName, fixtureNames, writeSource } from "../../import/fixtures.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";

beforeAll(useEngine);

async function exported(name: FixtureName) {
  const folder = await temporaryFolder();
  const photos = join(folder, "photos");
  await mkdir(photos);
  // Neither square nor multiples of every factor.
  await writeImages(photos, 2, { width: 72, height: 44 });
  const { dir } = await importTokenizer(await writeSource(join(folder, "source"), name), {
    out: join(folder, "model"),
  });
  return exportOnnx(dir, { out: join(folder, "onnx"), check: photos, threads: 1 });
}

it.each(fixtureNames.filter((name) => name !== "chameleon"))("%s", { timeout: 120_000 }, async (name) => {
  const { roundTrip, warnings } = await exported(name);
  expect(roundTrip).toMatchObject({ images: 2, differingIndices: 0 });
  expect(roundTrip.indices).toBeGreaterThan(10);
  expect(warnings).toEqual([]);
});

it("an encoder by itself is refused", async () => {
  await expect(exported("chameleon")).rejects.toThrow(
    /^export: expected a model with a decoder, got an encoder by itself/,
  );
});
