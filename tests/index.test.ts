import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import * as vqkit from "../src/index.js";
import * as quantizers from "../src/quantizers/index.js";
import * as testing from "../src/testing/index.js";

test("the root has exactly these names, and few", () => {
  expect(Object.keys(vqkit).length).toBeLessThanOrEqual(40);
  expect(Object.keys(vqkit).sort()).toMatchInlineSnapshot(`
    [
      "BackendError",
      "CodeReader",
      "ConfigError",
      "DecodedImage",
      "ImageError",
      "NonFiniteError",
      "OversizeError",
      "Random",
      "RunFolder",
      "ShapeError",
      "Tokenizer",
      "Trainer",
      "VqkitError",
      "buildComparison",
      "codeFormats",
      "compareQuantizers",
      "concatCodes",
      "countCodes",
      "decodeImage",
      "evaluateModel",
      "exportHuggingFace",
      "exportOnnx",
      "findImages",
      "importTokenizer",
      "messageOf",
      "openCodeWriter",
      "openCodes",
      "pruneModel",
      "readCodeManifest",
      "readCodes",
      "registerObjective",
      "registerQuantizer",
      "resumeComparison",
      "selectEngine",
      "sliceCodes",
      "usageReport",
      "writeCodes",
      "writeComparison",
      "writeImages",
      "writeRunReport",
    ]
  `);
});

test("what a layer promises can be had as vqkit/LAYER, core and drawing apart", async () => {
  const layers = readdirSync(path.resolve(import.meta.dirname, "../src"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !["core", "drawing"].includes(entry.name))
    .map((entry) => entry.name);
  expect(layers).toEqual(expect.arrayContaining(["backend", "quantizers", "reports", "testing", "ui"]));
  for (const layer of layers) {
    const face = (await import(`../src/${layer}/index.ts`)) as object;
    expect(Object.keys(face).length, layer).toBeGreaterThan(0);
  }
  const { exports } = JSON.parse(
    readFileSync(path.resolve(import.meta.dirname, "../package.json"), "utf8"),
  ) as { exports: Record<string, { default: string }> };
  expect(exports["./*"]?.default).toBe("./dist/src/*/index.js");
});

test("the contract suite is not loaded with the library", () => {
  expect(Object.keys(quantizers)).not.toContain("quantizerContract");
  expect(testing.quantizerContract.length).toBeGreaterThan(10);
});
