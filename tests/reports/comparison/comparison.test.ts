import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatCodes } from "../../../src/reports/figures.js";
import { buildComparison, renderComparisonTable } from "../../../src/reports/index.js";
import { RunFolder } from "../../../src/runs/index.js";
import { type RunContent, temporaryFolder, writeRun } from "../runs.js";

/** Writes runs by name into one folder, and returns their paths in that order. */
async function runs(contents: Readonly<Record<string, RunContent>>): Promise<string[]> {
  const dir = await temporaryFolder();
  const folders = [];
  for (const [name, content] of Object.entries(contents)) {
    folders.push((await writeRun(join(dir, name), content)).dir);
  }
  return folders;
}

const fsq: RunContent = { kind: "fsq", codebookSize: 1000, nominalCodebookSize: 1024, codeDim: 4 };

it("says how many codebooks a row has where it has several", () => {
  expect(formatCodes({ codebookSize: 1000, numCodebooks: 2 })).toBe("2 × 1,000");
  expect(formatCodes({ codebookSize: 1000, numCodebooks: 1 })).toBe("1,000");
});

describe("buildComparison", () => {
  it("makes a row a quantizer, over its seeds", async () => {
    const dirs = await runs({
      "vq-seed3": { seed: 3, psnr: 20, untrained: 10, imagesPerSecond: 50 },
      "fsq-seed1": { ...fsq, seed: 1, psnr: 25, untrained: 12, imagesPerSecond: 80 },
      "vq-seed1": { seed: 1, psnr: 17, untrained: 9, imagesPerSecond: 60 },
      "fsq-seed3": { ...fsq, seed: 3, psnr: 27, untrained: 11, imagesPerSecond: 90 },
    });
    const { rows, baselines, ...rest } = await buildComparison(dirs);
    expect(rows.map(({ quantizer, label }) => [quantizer, label])).toEqual([
      ["vq", "vq"],
      ["fsq", "fsq"],
    ]);
    expect(rows[0]).toMatchObject({
      codebookSize: 1024,
      nominalCodebookSize: 1024,
      codeDim: 64,
      seeds: [1, 3],
      samples: [300, 300],
      runs: [dirs[2], dirs[0]],
      // the mean of 17 and 20; their sample deviation is 3/√2
      psnr: { mean: 18.5, std: 3 / Math.SQRT2, values: [17, 20] },
      perplexity: { values: [34, 40] },
      quantizationError: { values: [1.7, 2] },
      usage: { values: [0.085, 0.1] },
      bitsPerPixel: { values: [0.425, 0.5] },
      imagesPerSecond: { mean: 55, values: [60, 50] },
      expectedUniformUsage: { mean: 0.254, std: 0 },
      untrained: { psnr: { mean: 9.5, values: [9, 10] }, imagesPerSecond: null },
    });
    expect(rows[1]).toMatchObject({ codebookSize: 1000, nominalCodebookSize: 1024, psnr: { mean: 26 } });
    // All four untrained models: 10, 12, 9 and 11.
    expect(baselines.untrained?.psnr).toMatchObject({ mean: 10.5, values: [10, 12, 9, 11] });
    // The mean colour knows no quantizer: one value a seed.
    expect(baselines.meanColour).toMatchObject({
      psnr: { mean: 15, std: 0, values: [15, 15] },
      usage: null,
      imagesPerSecond: null,
    });
    expect(rest).toMatchObject({
      format: "vqkit-comparison",
      formatVersion: 1,
      heldOut: true,
      evaluations: [
        { seed: 1, images: 12, imagesDigest: "aa" },
        { seed: 3, images: 12, imagesDigest: "aa" },
      ],
      differences: [],
    });
    expect(rest.conventions).toMatchObject({ imageHeight: 4, imagesDigest: "aa" });
  });

  it("takes opened runs too, and a single seed has no interval", async () => {
    const [dir = ""] = await runs({ a: { psnr: 20 } });
    const { rows } = await buildComparison([await RunFolder.open(dir)]);
    expect(rows[0]?.psnr).toEqual({ mean: 20, std: null, values: [20], interval: null });
    expect(rows[0]?.fromBaseline).toBeNull();
  });

  it("tells rows of one kind apart", async () => {
    const { rows } = await buildComparison(
      await runs({
        "vq-small-seed0": { codebookSize: 64 },
        "vq-d8-seed0": { codebookSize: 512, codeDim: 8 },
        "vq-d64-seed0": { codebookSize: 512 },
        "fsq-seed0": fsq,
      }),
    );
    expect(rows.map(({ label }) => label)).toEqual(["vq 64", "vq-d8", "vq-d64", "fsq"]);
  });

  it("has no baseline where a run has none", async () => {
    const { rows, baselines } = await buildComparison(
      await runs({ a: { untrained: null }, b: { ...fsq, meanColour: null } }),
    );
    expect(baselines).toMatchObject({ untrained: null, meanColour: { psnr: { mean: 15 } } });
    expect(rows.map(({ untrained }) => untrained === null)).toEqual([true, false]);
  });

  it("names what else differs", async () => {
    const { differences } = await buildComparison(
      await runs({
        a: { config: { steps: 8, model: { baseWidth: 16 } } },
        b: { ...fsq, config: { steps: 9, model: { baseWidth: 32, act: "relu" }, out: "elsewhere" } },
      }),
    );
    expect(differences).toEqual([
      { path: "steps", values: [8, 9] },
      { path: "model.baseWidth", values: [16, 32] },
      { path: "model.act", values: [null, "relu"] },
    ]);
  });

  it("lets other seeds have other images, and no quantizer within a seed", async () => {
    const other = { imagesDigest: "bb", evaluationImages: 11 };
    const { conventions, evaluations } = await buildComparison(
      await runs({ a: { seed: 0 }, b: { seed: 1, circumstances: other } }),
    );
    expect(conventions).not.toHaveProperty("imagesDigest");
    expect(conventions).not.toHaveProperty("evaluationImages");
    expect(evaluations.map(({ imagesDigest }) => imagesDigest)).toEqual(["aa", "bb"]);

    const dirs = await runs({
      a: { seed: 1 },
      b: { ...fsq, seed: 1, circumstances: { imagesDigest: "bb" } },
    });
    await expect(buildComparison(dirs)).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining(
        `${dirs[1]}: expected "imagesDigest" measured as in ${dirs[0]} ("aa"), got "bb"`,
      ),
    });
  });

  it.each([
    [
      "different conventions",
      { a: {}, b: { ...fsq, seed: 1, circumstances: { imageHeight: 8 } } },
      "imageHeight",
    ],
    [
      "a quantizer and seed twice",
      { a: {}, b: {} },
      "one run for each configuration and seed, got another of vq and seed 0",
    ],
    ["no runs", {}, "at least one run"],
  ])("refuses %s", async (_, contents, reason) => {
    await expect(buildComparison(await runs(contents))).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining(reason),
    });
  });

  it("refuses a run that has not finished", async () => {
    const dir = join(await temporaryFolder(), "a");
    await (await RunFolder.create(dir)).writeConfig({});
    await expect(buildComparison([dir])).rejects.toMatchObject({ code: "run" });
  });
});

describe("differences from the baseline", () => {
  const three = async () =>
    buildComparison(
      await runs({
        "vq-seed0": { seed: 0, psnr: 17 },
        "vq-seed1": { seed: 1, psnr: 20 },
        "vq-seed2": { seed: 2, psnr: 26 },
        "fsq-seed2": { ...fsq, seed: 2, psnr: 28 },
        "fsq-seed1": { ...fsq, seed: 1, psnr: 21 },
        "fsq-seed0": { ...fsq, seed: 0, psnr: 20 },
      }),
    );

  it("are of the same seed: surer than the two means", async () => {
    const { rows, baseline } = await three();
    expect(baseline).toBe("vq");
    const [vq, difference] = [rows[0], rows[1]?.fromBaseline?.psnr];
    expect(vq?.fromBaseline).toBeNull();
    // 21 ± 4.302653·√21/√3, wide; of the differences 3, 1 and 2 the deviation is 1: 2 ± 4.302653/√3
    expect(vq?.psnr?.interval?.high).toBeCloseTo(21 + 11.383749, 5);
    expect(difference).toMatchObject({ seeds: [0, 1, 2], values: [3, 1, 2], mean: 2, std: 1 });
    expect(difference?.interval?.low).toBeCloseTo(2 - 2.484138, 5);
    expect(difference?.interval?.high).toBeCloseTo(2 + 2.484138, 5);
    // PSNR p gives usage p/200
    expect(rows[1]?.fromBaseline?.usage?.mean).toBeCloseTo(0.01, 12);
  });

  it("pair what both have", async () => {
    const { rows } = await buildComparison(
      await runs({
        a: { seed: 4, psnr: 10 },
        b: { seed: 7, psnr: 12 },
        c: { ...fsq, seed: 7, psnr: 15 },
        d: { ...fsq, seed: 9, psnr: 40 },
        e: { kind: "simvq", seed: 9 },
      }),
    );
    expect(rows[1]?.fromBaseline?.psnr).toEqual({
      seeds: [7],
      values: [3],
      mean: 3,
      std: null,
      interval: null,
    });
    expect(rows[2]?.fromBaseline?.psnr).toBeNull();
  });

  it("are from the row that is named, by label or by kind", async () => {
    const dirs = await runs({
      "vq-small": { codebookSize: 64, psnr: 12 },
      "vq-large": { codebookSize: 512, psnr: 15 },
      fsq: { ...fsq, psnr: 20 },
    });
    const from = async (baseline: string) => {
      const comparison = await buildComparison(dirs, { baseline });
      return [comparison.baseline, comparison.rows[1]?.fromBaseline?.psnr?.mean ?? null];
    };
    expect(await from("vq 64")).toEqual(["vq 64", 3]);
    expect(await from("vq 512")).toEqual(["vq 512", null]);
    expect(await from("fsq")).toEqual(["fsq", -5]);
    expect(await from("vq-large")).toEqual(["vq 512", null]); // the folder
    expect(await from(dirs[0] as string)).toEqual(["vq 64", 3]);
    const refused = (wrong: string, message: string) =>
      expect(buildComparison(dirs, { baseline: wrong })).rejects.toMatchObject({
        code: "config",
        path: "baseline",
        message: `baseline: expected the name of a row, got "${wrong}". Rows: "vq 64", "vq 512", "fsq".${message}`,
      });
    await refused("vq 65", ' Did you mean "vq 64"?');
    await refused("vq", ""); // of two rows
  });
});

describe("rows of a sweep", () => {
  it("are one for each value, named by it, also where a quantizer only comes near the size", async () => {
    const { rows, sweep, differences } = await buildComparison(
      await runs({
        a: { codebookSize: 64, config: { steps: 8 } },
        b: { codebookSize: 64, config: { steps: 16 } },
        c: { ...fsq, codebookSize: 60, nominalCodebookSize: 64, config: { steps: 8 } },
        d: { ...fsq, codebookSize: 60, nominalCodebookSize: 65, config: { steps: 8 } },
      }),
      { sweep: ["codebookSize", "steps"] },
    );
    expect(sweep).toEqual(["codebookSize", "steps"]);
    expect(rows.map(({ label, swept }) => [label, swept])).toEqual([
      ["vq codebookSize=64 steps=8", { codebookSize: 64, steps: 8 }],
      ["vq codebookSize=64 steps=16", { codebookSize: 64, steps: 16 }],
      ["fsq codebookSize=64 steps=8", { codebookSize: 64, steps: 8 }],
      ["fsq codebookSize=65 steps=8", { codebookSize: 65, steps: 8 }],
    ]);
    expect(differences).toEqual([]); // what is swept differs on purpose
  });

  it("reads values within parts of the configuration, null where there is none", async () => {
    const { rows } = await buildComparison(
      await runs({ a: { config: { model: { baseWidth: 8 } } }, b: { config: { model: {} } } }),
      { sweep: ["model.baseWidth"] },
    );
    expect(rows.map(({ label }) => label)).toEqual(["vq baseWidth=8", "vq baseWidth=null"]);
  });
});

describe("runs of other data", () => {
  it("are refused where a seed trained on other files, or a seed's images come from elsewhere", async () => {
    const trained = await runs({ a: { trainFiles: 24 }, b: { ...fsq, trainFiles: 20 } });
    await expect(buildComparison(trained)).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining(
        `${trained[1]}: expected training on 24 files as in ${trained[0]}, got 20.`,
      ),
    });
    const elsewhere = await runs({
      a: { seed: 0, config: { data: { images: "photos" } } },
      b: { ...fsq, seed: 1, config: { data: { images: "faces" } }, circumstances: { imagesDigest: "bb" } },
    });
    await expect(buildComparison(elsewhere)).rejects.toMatchObject({
      code: "run",
      message: expect.stringContaining('("photos"), got others ("faces"), evaluated on other pixels'),
    });
  });

  it("are one row where only the place of the same images, the threads or the log differ", async () => {
    const { rows } = await buildComparison(
      await runs({
        a: { seed: 0, config: { threads: 2, data: { images: "photos", cropSize: [4, 6] } } },
        b: { seed: 1, config: { logEvery: 5, data: { images: "/moved/photos", cropSize: [4, 6] } } },
      }),
    );
    expect(rows.map(({ seeds }) => seeds)).toEqual([[0, 1]]);
  });
});

describe("renderComparisonTable", () => {
  /** The cells of the line that starts with `label`. */
  function cells(text: string, label: string): string[] | undefined {
    const line = text.split("\n").find((candidate) => candidate.startsWith(label));
    return line?.split(/ {2,}/).slice(1);
  }

  it("of one seed has bare values, and says so", async () => {
    const text = renderComparisonTable(
      await buildComparison(await runs({ a: { psnr: 20 }, b: { ...fsq, psnr: 25 } })),
    );
    const head = text.split("\n")[0]?.split(/ {2,}/);
    expect(head).toEqual([
      "Quantizer",
      "Codes",
      "PSNR dB",
      "SSIM",
      "Recon. loss",
      "Quant. error",
      "Usage",
      "Perplexity",
      "Bits/px",
    ]);
    // 20 → ssim 0.2, loss 1/20, error 2, usage 20/200, perplexity 40, bits 0.5
    expect(cells(text, "vq")).toEqual("1,024|20.00|0.200|0.0500|2.00|10.0 %|40.0|0.500".split("|"));
    expect(cells(text, "mean colour")?.slice(0, 2)).toEqual(["15.00", "0.150"]);
    expect(cells(text, "mean colour")?.slice(3)).toEqual(["–", "–", "–", "–"]);
    expect(text).toContain("One seed (0), so no interval: small differences may be chance.");
    expect(text).toMatch(/^Less vq +Codes +PSNR dB/m);
    // 25 - 20 dB; (25 - 20)/200 = 2.5 points; losses 1/25 - 1/20
    expect(text).toMatch(/^fsq +1,000 +\+5\.00 +\+0\.050 +−0\.0100 +– +\+2\.5 points /m);
    expect(text).toContain("Differences from vq are of the same seed.");
    expect(text).toContain("Measured on 12 held-out images.");
    expect(text).toContain("Usage of a uniform source: 25.4 % in 300 indices.");
    expect(text).toContain("fsq has 1,000 codes where 1,024 were asked for.");
    expect(text).toContain("sum over code dimensions (vq: 64; fsq: 4)");
  });

  it("of several seeds has intervals, and says over which", async () => {
    const text = renderComparisonTable(
      await buildComparison(
        await runs({
          a: { seed: 0, psnr: 20 },
          b: { seed: 5, psnr: 24, circumstances: { imagesDigest: "bb" } },
        }),
      ),
    );
    // t of one degree of freedom 12.7062 × deviation 4/√2 / √2 = 25.41; usage 10 % and 12 %: 12.7062 × 1 = 12.7
    expect(cells(text, "vq")?.[1]).toBe("22.00 ± 25.41");
    expect(cells(text, "vq")?.[5]).toBe("11.0 ± 12.7 %");
    expect(text).toContain("Seeds 0, 5: mean ± half of the 95 % interval over seeds (Student's t).");
    expect(text).toContain("Untrained: mean of all 2 models before their first step.");
    expect(text).toContain("12 held-out images, other ones for other seeds.");
    expect(text).not.toContain("Less");
  });

  it("says when quantizers have other seeds, or runs differ in more", async () => {
    const text = renderComparisonTable(
      await buildComparison(await runs({ a: { seed: 0 }, b: { ...fsq, seed: 1, config: { steps: 9 } } })),
    );
    expect(text).toContain("Seeds differ between rows: vq 0; fsq 1.");
    expect(text).toContain("The runs differ in more than the quantizer: steps is 8 or 9.");
  });
});
