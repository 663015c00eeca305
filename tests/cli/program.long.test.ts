import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder, writeImages } from "./harness.js";
import { dist, SMALL, start } from "./program-process.js";

test("the program trains a quantizer of one's own that a configuration names by its module, and encodes with it", async () => {
  const dir = await temporaryFolder();
  await mkdir(path.join(dir, "photos"));
  await writeImages(path.join(dir, "photos"), 3);
  const module = path.join(dist, "samples/custom-quantizer.js");
  const lines = [
    `quantizerModules: [${JSON.stringify(module)}]`,
    "quantizer: { kind: sign, codeDim: 5 }",
    "steps: 3",
  ];
  await writeFile(path.join(dir, "run.yaml"), lines.join("\n"));
  const train = ["train", "photos", "--config", "run.yaml", ...SMALL, "--json"];
  const refused = await start(train, dir).ended;
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(
    /^error: quantizerModules: expected no code without leave[^\n]*--allow-code/,
  );
  const trained = await start([...train, "--allow-code"], dir).ended;
  expect(trained.code).toBe(0);
  expect(JSON.parse(trained.stdout)).toMatchObject({
    dir: path.join("runs", "sign"),
    training: { steps: 3 },
  });
  const encode = ["encode", path.join("runs", "sign"), "photos", "--out", "codes", "--json"];
  const unknown = await start(encode, dir).ended;
  expect(unknown.code).toBe(1);
  expect(unknown.stderr).toContain('Unknown quantizer "sign"');
  const encoded = await start([...encode, "--quantizer-module", module], dir).ended;
  expect(encoded.code).toBe(0);
  expect(JSON.parse(encoded.stdout)).toMatchObject({ images: 3, codebookSize: 32 });
});
