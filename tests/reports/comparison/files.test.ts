import { readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { picturesOf } from "../../../src/data/index.js";
import {
  buildComparison,
  comparisonCsv,
  comparisonPicture,
  writeComparison,
} from "../../../src/reports/index.js";
import { type RunContent, shaded, temporaryFolder, writeRun } from "../runs.js";

const fsq: RunContent = { kind: "fsq", codebookSize: 1000, nominalCodebookSize: 1024, codeDim: 4 };

async function comparisonOf(a: RunContent, b: RunContent) {
  const dir = await temporaryFolder();
  const folders = [await writeRun(join(dir, "a"), a), await writeRun(join(dir, "b"), b)];
  return { dir, folders, comparison: await buildComparison(folders) };
}

describe("writeComparison", () => {
  it("writes JSON, CSV, a picture and a page", async () => {
    const { dir, comparison } = await comparisonOf({ originals: [1, 9] }, { ...fsq, originals: [1, 9] });
    const out = join(dir, "new", "out");
    const paths = await writeComparison(out, comparison);
    expect(paths).toEqual(
      ["comparison.json", "comparison.csv", "comparison.png", "comparison.html"].map((name) =>
        join(out, name),
      ),
    );
    expect((await readdir(out)).sort()).toEqual(paths.map((file) => basename(file)).sort());
    expect(JSON.parse(await readFile(paths[0] ?? "", "utf8"))).toEqual(comparison);
    expect(await readFile(paths[1] ?? "", "utf8")).toBe(comparisonCsv(comparison));
    expect((await sharp(await readFile(paths[2] ?? "")).metadata()).format).toBe("png");
  });

  it("leaves the picture out where runs kept none, and writes nothing where one is broken", async () => {
    const { dir, folders, comparison } = await comparisonOf({ originals: [1, 9] }, fsq);
    expect(await writeComparison(join(dir, "out"), comparison)).toHaveLength(3);

    const both = await comparisonOf({ originals: [1, 9] }, { ...fsq, originals: [1, 9] });
    await writeFile(both.folders[1]?.path("reconstructions") ?? "", "no picture");
    await expect(writeComparison(join(both.dir, "out"), both.comparison)).rejects.toMatchObject({
      code: "format",
    });
    expect((await readdir(both.dir)).sort()).toEqual(["a", "b"]);
    expect(folders).toHaveLength(2);
  });

  it("names a folder it cannot make", async () => {
    const { dir, comparison } = await comparisonOf({}, fsq);
    await writeFile(join(dir, "file"), "");
    await expect(writeComparison(join(dir, "file", "out"), comparison)).rejects.toMatchObject({
      code: "file",
      message: expect.stringContaining("could not make the folder"),
    });
  });
});

describe("comparisonCsv", () => {
  it("has a line a row at full precision, empty where there is no figure", async () => {
    const { comparison } = await comparisonOf({ psnr: 20.123456789 }, { ...fsq, untrained: null });
    const [head = "", vq = "", second = "", meanColour = "", end] = comparisonCsv(comparison).split("\r\n");
    const names = head.split(",");
    const field = (line: string, name: string) => line.split(",")[names.indexOf(name)];
    expect(field(vq, "quantizer")).toBe("vq");
    expect(field(vq, "psnrMean")).toBe("20.123456789");
    expect(field(vq, "psnrStd")).toBe("");
    expect(field(second, "nominalCodebookSize")).toBe("1024");
    expect(field(second, "imagesPerSecondMean")).toBe("50");
    expect(field(meanColour, "label")).toBe("mean colour");
    expect(field(meanColour, "psnrMean")).toBe("15");
    expect(field(meanColour, "usageMean")).toBe("");
    expect(new Set([vq, second, meanColour].map((line) => line.split(",").length))).toEqual(
      new Set([names.length]),
    );
    expect(end).toBe(""); // no untrained line: one run has none
  });

  it("has intervals and differences of several seeds, and what was swept", async () => {
    const dir = await temporaryFolder();
    const contents: RunContent[] = [
      { seed: 0, psnr: 20, config: { model: { widthMultipliers: [1, 2] } } },
      { seed: 1, psnr: 24, config: { model: { widthMultipliers: [1, 2] } } },
      { ...fsq, seed: 0, psnr: 21, config: { model: { widthMultipliers: [1] } } },
      { ...fsq, seed: 1, psnr: 27, config: { model: { widthMultipliers: [1] } } },
    ];
    const runs = [];
    for (const [i, content] of contents.entries()) runs.push(await writeRun(join(dir, `${i}`), content));
    const comparison = await buildComparison(runs, { sweep: ["model.widthMultipliers"] });
    const [head = "", vq = "", second = ""] = comparisonCsv(comparison).split("\r\n");
    expect(head.split(",").slice(0, 4)).toEqual([
      "quantizer",
      "label",
      "model.widthMultipliers",
      "codebookSize",
    ]);
    expect(vq).toContain('vq,vq,"[1,2]",1024');
    // The lists' commas do not matter counted from the end.
    const field = (line: string, name: string) => {
      const names = head.split(",");
      return Number(line.split(",").at(names.indexOf(name) - names.length));
    };
    // 22 ± 12.7062·(4/√2)/√2; the pairs 1 and 3: 2 ± 12.7062
    expect(field(vq, "psnrLow")).toBeCloseTo(22 - 25.4124, 4);
    expect(field(vq, "psnrHigh")).toBeCloseTo(22 + 25.4124, 4);
    expect(field(second, "psnrDifference")).toBe(2);
    expect(field(second, "psnrDifferenceLow")).toBeCloseTo(2 - 12.7062, 4);
    expect(field(second, "psnrDifferenceHigh")).toBeCloseTo(2 + 12.7062, 4);
  });

  it("quotes what would break a line", async () => {
    const { comparison } = await comparisonOf({ kind: 'a,"b"' }, fsq);
    expect(comparisonCsv(comparison).split("\r\n")[1]).toMatch(/^"a,""b""","a,""b""",1024,/);
  });
});

describe("comparisonPicture", () => {
  it("has the originals, then the reconstructions of each quantizer's lowest seed", async () => {
    const dir = await temporaryFolder();
    const contents: Record<string, RunContent> = {
      "vq-2": { seed: 2, originals: [4, 5, 6] },
      "vq-1": { seed: 1, originals: [4, 5, 6] },
      "fsq-1": { ...fsq, seed: 1, originals: [4, 5] },
    };
    const folders = [];
    for (const [name, content] of Object.entries(contents))
      folders.push(await writeRun(join(dir, name), content));
    const png = (await comparisonPicture(await buildComparison(folders))) as Buffer;
    // Crops 6 wide are enlarged 16 times, to 96 by 64; three rows of two, 4 apart, margin 12.
    const { width = 0, height } = await sharp(png).metadata();
    expect(height).toBe(12 + 3 * 64 + 2 * 4 + 12);
    const left = width - 12 - (2 * 96 + 4);
    const layout = { rows: 3, columns: 2, cellWidth: 96, cellHeight: 64, gap: 4, left, top: 12 };
    const cells = await picturesOf(png, layout);
    const small = await Promise.all(
      cells.flat().map(({ pixels }) =>
        sharp(pixels, { raw: { width: 96, height: 64, channels: 3 } })
          .resize({ width: 6, height: 4, fit: "fill", kernel: "nearest" })
          .raw()
          .toBuffer(),
      ),
    );
    // Seed 1 reconstructs shade s as s + 2.
    const expected = [4, 5, 6, 7, 6, 7].map((shade) => [...shaded(shade).pixels]);
    expect(small.map((pixels) => [...pixels])).toEqual(expected);
  });

  it("refuses runs that show different originals", async () => {
    const { comparison, folders } = await comparisonOf({ originals: [1, 9] }, { ...fsq, originals: [1, 8] });
    await expect(comparisonPicture(comparison)).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining(`${folders[1]?.dir}: expected the originals of ${folders[0]?.dir}`),
    });
  });
});
