import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { readCodes } from "../../src/tokenizer/index.js";
import { temporaryFolder, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

const { shared, photos, model } = await modelAndPhotos("fsq", 5);
/** Two images of "bird", three of "ape". */
const classes = path.join(shared, "classes");
for (const [i, name] of (await readdir(photos)).sort().entries()) {
  const folder = path.join(classes, i < 2 ? "bird" : "ape", "deep");
  await mkdir(folder, { recursive: true });
  await copyFile(path.join(photos, name), path.join(folder, name));
}

async function entriesOf(dir: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { images } of readCodes(dir)) {
    for (const { name, label, view } of images) found.push(`${name.split("/")[0]} ${label} ${view}`);
  }
  return found;
}

describe("encode for generators", () => {
  test("labels by folders, with views, as tokens; and decodes each view", async () => {
    const out = path.join(await temporaryFolder(), "codes");
    const flags = [
      "--labels",
      "--flip",
      "--format",
      "bin",
      "--vocabulary-offset",
      "500",
      "--validation",
      "0.5",
    ];
    const { code, stdout, stderr } = await vqkit(["encode", model, classes, "--out", out, ...flags]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.any(String) });
    // FSQ's levels 8, 5, 6: 240 codes.
    expect(stdout).toBe(
      `10 views of 5 images as indices in 0..239 (latent grids: 10 of 6×10). Written: ${out}\n`,
    );
    expect(await entriesOf(out)).toEqual([
      ...Array.from({ length: 6 }, (_, i) => `ape 0 ${i % 2}`),
      ...Array.from({ length: 4 }, (_, i) => `bird 1 ${i % 2}`),
    ]);
    const { settings } = JSON.parse(await readFile(path.join(out, "manifest.json"), "utf8")) as {
      settings: unknown;
    };
    expect(settings).toEqual({
      policy: "native",
      views: "flip",
      maxPixels: 64_000_000,
      classes: ["ape", "bird"],
      tokens: { offset: 500, validation: 0.5 },
    });
    const again = await vqkit(["encode", model, classes, "--out", out, ...flags, "--resume"]);
    expect(again.stdout).toMatch(/^Nothing is left to do\. .*10 views as indices/);
    const other = await vqkit([
      "encode",
      model,
      classes,
      "--out",
      out,
      "--resume",
      "--labels",
      "--format",
      "bin",
    ]);
    expect(other.stderr).toMatch(/expected views "flip" as in the finished codes, got absent/);
    const decoded = path.join(path.dirname(out), "decoded");
    expect((await vqkit(["decode", model, out, "--out", decoded])).stdout).toBe(
      `10 images. Written: ${decoded}\n`,
    );
    const names = (await readdir(path.join(decoded, "bird", "deep"))).sort();
    expect(names.filter((name) => name.endsWith("-2.png"))).toHaveLength(2);
    const report = await vqkit(["report", out, "--json"]);
    expect(JSON.parse(report.stdout)).toMatchObject({ images: 5 });
  });

  test("labels by a list, or by the classes of other codes", async () => {
    const folder = await temporaryFolder();
    const list = path.join(folder, "classes.txt");
    await writeFile(list, "zebra\nbird\r\nape\n");
    const [first, second] = [path.join(folder, "first"), path.join(folder, "second")];
    expect((await vqkit(["encode", model, classes, "--out", first, "--classes", list])).code).toBe(0);
    expect(new Set(await entriesOf(first))).toEqual(new Set(["ape 2 undefined", "bird 1 undefined"]));
    const manifest = path.join(first, "manifest.json");
    expect((await vqkit(["encode", model, classes, "--out", second, "--classes", manifest])).code).toBe(0);
    expect(await entriesOf(second)).toEqual(await entriesOf(first));
    await writeFile(list, "ape\n");
    const { code, stderr } = await vqkit([
      "encode",
      model,
      classes,
      "--out",
      path.join(folder, "third"),
      "--classes",
      list,
    ]);
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: `error: --classes ${list}: expected the class of every image in it, got images of "bird". Add it.\n`,
    });
  });

  test.each<[string, string[], string]>([
    ["two sets of views", ["--flip", "--ten-crop"], "--flip: expected no --ten-crop with it"],
    ["crops without a size", ["--ten-crop"], '--ten-crop: expected the policy "crop" and a size'],
    ["a range without crops", ["--crop-range", "1.1"], "--crop-range: expected none with the views"],
    [
      "tokens in another format",
      ["--vocabulary-offset", "5"],
      "--vocabulary-offset: expected --format bin with it.",
    ],
    [
      "a begin token among the codes",
      ["--format", "bin", "--begin-token", "7"],
      "--begin-token: expected a token beside those of the codes, 0..239, got 7.",
    ],
    ["labels without folders", ["--labels"], "expected an image in a folder that is named after its class"],
  ])("refuses %s in one line", async (_, flags, message) => {
    const out = path.join(await temporaryFolder(), "codes");
    const { code, stderr } = await vqkit(["encode", model, photos, "--out", out, ...flags]);
    expect(code).toBeGreaterThan(0);
    expect(stderr.split("\n").filter((line) => line.startsWith("error: "))).toEqual([
      expect.stringContaining(message),
    ]);
    await expect(readdir(out)).rejects.toThrow();
  });
});
