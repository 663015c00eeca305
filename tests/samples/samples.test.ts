import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { beforeAll, describe, expect, it } from "vitest";
import { main as encodeFolder } from "../../samples/encode-folder.js";
import { main as trainInCode } from "../../samples/train-in-code.js";
import { readNpy } from "../../src/files/index.js";
import { Tokenizer } from "../../src/tokenizer/index.js";
import { noise, temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";

const folder = await temporaryFolder();
const images = join(folder, "photos");
const run = join(folder, "run");
const tiny = {
  model: { preset: "tiny", baseWidth: 4, residualBlocks: 0, latentChannels: 8 },
  data: { images, cropSize: 16, heldOut: 0.25, evaluationCropsPerImage: 1 },
  steps: 20,
  batchSize: 2,
  threads: 1,
} as const;

beforeAll(async () => {
  await useEngine();
  await mkdir(images);
  for (const [i, width] of [24, 24, 32, 20].entries()) {
    // Blurred, for noise as such cannot be learnt.
    await noise(i, { height: 24, width })
      .image.blur(4)
      .normalise()
      .png()
      .toFile(join(images, `${i}.png`));
  }
});

it.each(["train-in-code.ts", "encode-folder.ts", "custom-quantizer.ts"])(
  "%s has under 80 lines",
  async (file) => {
    const text = await readFile(new URL(`../../samples/${file}`, import.meta.url), "utf8");
    expect(text.trimEnd().split("\n").length).toBeLessThan(80);
  },
);

describe("the samples, one after the other", () => {
  it("train-in-code trains, tells of its progress and finds figures", async () => {
    const lines: string[] = [];
    const print = (line: string) => lines.push(line);
    const quantizer = { kind: "rotation", codebookSize: 16, codeDim: 8, initialization: "kmeans" };
    const { evaluation, dir } = await trainInCode({ images, out: run, run: { ...tiny, quantizer }, print });
    expect(dir).toBe(run);
    expect(Number.isFinite(evaluation.figures.psnr)).toBe(true);
    expect(lines.find((line) => line.startsWith("step 20: "))).toMatch(
      /^step 20: loss \d\.\d{4}, usage \d+\.\d % in 640 indices, \d+ images\/s$/,
    );
    expect(lines.at(-1)).toMatch(/^PSNR \d+\.\d\d dB; of each image's mean colour \d+\.\d\d dB$/);
  });

  it("encode-folder writes the codes of every image and decodes the first", async () => {
    const lines: string[] = [];
    const out = join(folder, "codes");
    await encodeFolder({ model: run, images, out, print: (line) => lines.push(line) });
    expect(lines.slice(0, 3)).toEqual([
      "indices [2, 6, 6, 1]",
      "indices [1, 6, 8, 1]",
      "indices [1, 6, 5, 1]",
    ]);
    const stack = await readNpy(join(out, "codes-6x6.npy"));
    expect(stack.shape).toEqual([2, 6, 6, 1]);
    expect(lines).toContain(`0.png begins with ${[...stack.data.slice(0, 8)].join(" ")} …`);
    const tokenizer = await Tokenizer.load(run);
    const expected = await tokenizer.reconstruct(join(images, "0.png"));
    const saved = await sharp(join(out, "first.png")).raw().toBuffer();
    expect(new Uint8Array(saved)).toEqual(expected.pixels);
    tokenizer.dispose();
  });

  it("custom-quantizer registers a kind that trains, is saved and encodes", async () => {
    await import("../../samples/custom-quantizer.js");
    const out = join(folder, "sign");
    const quantizer = { kind: "sign", codeDim: 6 };
    await trainInCode({ images, out, run: { ...tiny, quantizer, steps: 3 }, print: () => {} });
    const tokenizer = await Tokenizer.load(out);
    const codes = await tokenizer.encode(join(images, "2.png"));
    expect([codes.codebookSize, codes.shape]).toEqual([64, [1, 6, 8, 1]]);
    expect(await tokenizer.decode(codes)).toEqual(await tokenizer.reconstruct(join(images, "2.png")));
    tokenizer.dispose();
  });
});
