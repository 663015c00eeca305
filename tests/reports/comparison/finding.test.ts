import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { describeFinding } from "../../../src/reports/comparison/finding.js";
import { buildComparison } from "../../../src/reports/index.js";
import { type RunContent, temporaryFolder, writeRun } from "../runs.js";

const fsq: RunContent = { kind: "fsq", codebookSize: 1000, codeDim: 4 };

async function sentence(contents: readonly RunContent[]): Promise<string> {
  const folder = await temporaryFolder();
  const runs = await Promise.all(contents.map((content, i) => writeRun(join(folder, String(i)), content)));
  return describeFinding(await buildComparison(runs));
}

describe("the sentence that a comparison opens with", () => {
  it("of one seed says that there is no interval", async () => {
    // Figures of the tests' runs: bits per pixel are PSNR / 40.
    expect(await sentence([{ psnr: 20 }, { ...fsq, psnr: 25 }, { kind: "simvq", psnr: 24 }])).toBe(
      "fsq has the highest PSNR: 25.00 dB on 12 held-out images, 1.00 dB above simvq. How sure that is cannot be said: it is one seed, which has no interval, and with another seed the order may be another. It spends 0.625 bits per pixel (simvq 0.600).",
    );
  });

  it("of several seeds has the interval of the pairs, and says whether 0 lies in it", async () => {
    const seeds = (content: RunContent, values: readonly number[]) =>
      values.map((psnr, seed) => ({ ...content, seed, psnr }));
    // Differences 1.0, 1.1, 0.9: mean 1, s = 0.1, t(2) = 4.303, half = 4.303 · 0.1 / √3 = 0.248.
    expect(await sentence([...seeds({}, [20, 21, 22]), ...seeds(fsq, [21, 22.1, 22.9])])).toContain(
      "fsq has the highest PSNR: 22.00 dB on 12 held-out images, 1.00 dB above vq (95 % interval +0.75 to +1.25 dB over 3 seeds).",
    );
    // Differences 1, -1, 3: mean 1, s = 2, half = 4.303 · 2 / √3 = 4.97.
    expect(await sentence([...seeds({}, [20, 21, 22]), ...seeds(fsq, [21, 20, 25])])).toContain(
      "But its 1.00 dB above vq may be chance (95 % interval −3.97 to +5.97 dB over 3 seeds).",
    );
  });

  it("takes no difference of runs that share no seed, and none of a row by itself", async () => {
    expect(
      await sentence([
        { psnr: 20, seed: 1 },
        { ...fsq, psnr: 25, seed: 2 },
      ]),
    ).toContain("vq, the next, was trained with other seeds.");
    expect(await sentence([{ psnr: 20 }])).toBe(
      "vq has a PSNR of 20.00 dB on 12 held-out images. It spends 0.500 bits per pixel.",
    );
  });
});
