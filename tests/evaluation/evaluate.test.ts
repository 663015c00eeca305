import { beforeAll, describe, expect, it } from "vitest";
import {
  ImageAutoencoder,
  pixelsToTensor,
  resolveModel,
  tensorToPixels,
} from "../../src/autoencoder/index.js";
import { Random } from "../../src/core/random.js";
import type { ImageBatch } from "../../src/data/index.js";
import { evaluateMeanColour, evaluateModel } from "../../src/evaluation/index.js";
import { createQuantizer } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

beforeAll(useEngine);

const loss = { l1: 0.5, l2: 2, huber: 0, ssim: 0, huberDelta: 1 };
const size = { height: 12, width: 14 };
const config = resolveModel({
  preset: "tiny",
  downsamplingFactor: 2,
  baseWidth: 4,
  residualBlocks: 1,
  latentChannels: 6,
});

/** Noise around a mean that differs from image to image. */
function images(count: number): Uint8Array {
  const random = new Random(1, "evaluation images");
  const length = size.height * size.width * 3;
  return Uint8Array.from(
    { length: count * length },
    (_, i) => 20 * Math.floor(i / length) + random.integer(100),
  );
}

/** Batches of the given numbers of images; image i comes from file floor(i / 2). */
async function* batches(pixels: Uint8Array, counts: readonly number[]): AsyncGenerator<ImageBatch> {
  const length = size.height * size.width * 3;
  let at = 0;
  for (const count of counts) {
    const files = Array.from({ length: count }, (_, i) => `file${Math.floor((at + i) / 2)}`);
    yield { pixels: pixels.slice(at * length, (at + count) * length), count, ...size, files };
    at += count;
  }
}

function build(quantizer: object): ImageAutoencoder {
  return ImageAutoencoder.create({ config, quantizer: createQuantizer(quantizer, 2), seed: 2 });
}

describe("evaluateModel", () => {
  it("counts codes that are sequences scale by scale: against indices split by hand, over two batches", async () => {
    const model = build({
      kind: "multi-scale",
      scales: [1, 3, 6],
      quantizer: { kind: "fsq", levels: [3, 4] },
    });
    const square = { height: 12, width: 12 };
    const bytes = square.height * square.width * 3;
    const pixels = images(5).slice(0, 5 * bytes);
    async function* two(): AsyncGenerator<ImageBatch> {
      const files = (count: number) => Array.from({ length: count }, (_, i) => `file${i}`);
      yield { pixels: pixels.slice(0, 3 * bytes), count: 3, ...square, files: files(3) };
      yield { pixels: pixels.slice(3 * bytes), count: 2, ...square, files: files(2) };
    }
    const { scales, counts } = await evaluateModel(model, two(), { loss });
    const indices = tf.tidy(
      () => model.forward(pixelsToTensor({ pixels, count: 5, ...square })).quantization.indices,
    );
    const chosen = await indices.data(); // 1 + 9 + 36 an image
    const expected = [1, 3, 6].map(() => new Array<number>(12).fill(0));
    for (const [i, index] of chosen.entries()) {
      const at = i % 46;
      const of = expected[at === 0 ? 0 : at < 10 ? 1 : 2] as number[];
      of[index] = (of[index] ?? 0) + 1;
    }
    expect(scales?.map(({ side, counts: each }) => [side, [...each.counts()]])).toEqual([
      [1, expected[0]],
      [3, expected[1]],
      [6, expected[2]],
    ]);
    expect(scales?.map((scale) => scale.counts.samples)).toEqual([5, 45, 180]);
    expect(counts.samples).toBe(230);
    indices.dispose();
    model.dispose();
  });

  it.each([
    { kind: "vq", codebookSize: 7, codeDim: 6, initialization: "normal" },
    { kind: "fsq", levels: [5, 4] },
  ])("$kind: every figure, computed independently", async (quantizer) => {
    const model = build(quantizer);
    const pixels = images(5);
    const {
      figures,
      counts,
      geometry,
      images: count,
    } = await evaluateModel(model, batches(pixels, [5]), { loss });

    const pass = tf.tidy(() => {
      const input = pixelsToTensor({ pixels, count: 5, ...size });
      const { reconstruction, latents, quantization } = model.forward(input);
      return {
        input,
        reconstruction,
        latents,
        quantized: quantization.quantized,
        indices: quantization.indices,
      };
    });
    const read = async (tensor: tf.Tensor) => [...(await tensor.data())];
    const [input, output] = [await read(pass.input), await read(pass.reconstruction)];
    const [latents, quantized] = [await read(pass.latents), await read(pass.quantized)];
    const bytes = (await tensorToPixels(pass.reconstruction)).pixels;
    const indices = await read(pass.indices);
    tf.dispose(pass);
    const average = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

    const errors = output.map((value, i) => value - (input[i] as number));
    const expectedLoss = 0.5 * average(errors.map(Math.abs)) + 2 * average(errors.map((e) => e * e));
    expect(figures.reconstructionLoss).toBeCloseTo(expectedLoss, 5);

    const squares = latents.map((z, i) => (z - (quantized[i] as number)) ** 2);
    const vectors = 5 * 6 * 7;
    expect(figures.quantizationError).toBeCloseTo(squares.reduce((a, b) => a + b, 0) / vectors, 4);

    const length = size.height * size.width * 3;
    const mses = Array.from({ length: 5 }, (_, n) =>
      average(
        Array.from(
          { length },
          (_, i) => ((bytes[n * length + i] as number) - (pixels[n * length + i] as number)) ** 2,
        ),
      ),
    );
    expect(figures.mse).toBeCloseTo(average(mses), 8);
    expect(figures.psnr).toBeCloseTo(average(mses.map((mse) => 10 * Math.log10(255 ** 2 / mse))), 8);
    expect(figures.identical).toBe(0);

    const tally = new Map<number, number>();
    for (const index of indices) tally.set(index, (tally.get(index) ?? 0) + 1);
    expect(counts.usedCodes().map(({ index, count: n }) => [index, n])).toEqual(
      [...tally].sort(([a], [b]) => a - b),
    );
    const { codebookSize } = model.quantizer;
    const bits = [...tally.values()].reduce((sum, n) => sum - (n / vectors) * Math.log2(n / vectors), 0);
    expect(figures).toMatchObject({
      images: 5,
      samples: vectors,
      used: tally.size,
      usage: tally.size / codebookSize,
    });
    expect(figures.entropyBits).toBeCloseTo(bits, 10);
    expect(figures.perplexity).toBeCloseTo(2 ** bits, 10);
    expect(figures.bitsPerPixel).toBeCloseTo(bits / 4, 10); // a grid of half the height and half the width
    expect(figures.expectedUniformUsage).toBeCloseTo(1 - (1 - 1 / codebookSize) ** vectors, 10);
    expect(geometry).toEqual({
      gridHeight: 6,
      gridWidth: 7,
      imageHeight: 12,
      imageWidth: 14,
      numCodebooks: 1,
    });
    expect(count).toBe(5);
    model.dispose();
  });

  it("does not depend on how the images are batched, and changes nothing in the model", async () => {
    const model = build({
      kind: "vq",
      codebook: "ema",
      codebookSize: 7,
      codeDim: 6,
      initialization: "normal",
    });
    const pixels = images(5);
    const weights = await model.copyWeights();
    const before = tf.memory().numTensors;
    const progress: number[] = [];
    const whole = await evaluateModel(model, batches(pixels, [5]), { loss });
    const parts = await evaluateModel(model, batches(pixels, [2, 2, 1]), {
      loss,
      onProgress: (done) => progress.push(done),
    });
    expect(tf.memory().numTensors).toBe(before);
    expect(await model.copyWeights()).toEqual(weights);
    expect(progress).toEqual([2, 4, 5]);
    expect(parts.imagesDigest).toBe(whole.imagesDigest);
    expect(parts.imagesDigest).toMatch(/^[0-9a-f]{16}$/);
    expect(parts.counts.toJSON()).toEqual(whole.counts.toJSON());
    for (const [name, value] of Object.entries(whole.figures)) {
      const other = parts.figures[name as keyof typeof parts.figures];
      if (value === null) expect(other, name).toBeNull();
      else expect(other, name).toBeCloseTo(value, 5);
    }
    const other = await evaluateModel(
      model,
      batches(
        pixels.map((byte) => byte ^ 1),
        [5],
      ),
      { loss },
    );
    expect(other.imagesDigest).not.toBe(whole.imagesDigest);
    model.dispose();
  });

  it("returns examples from as many files as it can", async () => {
    const model = build({ kind: "fsq", levels: [5, 4] });
    const pixels = images(5);
    const length = size.height * size.width * 3;
    const chosen = async (examples: number) => {
      const { examples: found } = await evaluateModel(model, batches(pixels, [3, 2]), { loss, examples });
      expect(found.reconstructions).toHaveLength(found.originals.length);
      return found.originals.map((image) =>
        [0, 1, 2, 3, 4].find(
          (i) => Buffer.compare(image.pixels, pixels.subarray(i * length, (i + 1) * length)) === 0,
        ),
      );
    };
    // Files hold images 0 and 1, 2 and 3, and 4.
    expect(await chosen(8)).toEqual([0, 1, 2, 3, 4]);
    expect(await chosen(4)).toEqual([0, 1, 3, 4]);
    expect((await chosen(2)).map((i) => Math.floor((i as number) / 2))).toEqual([0, 1]);
    expect(await chosen(0)).toEqual([]);
    model.dispose();
  });

  it("refuses what it cannot measure, and leaves no tensor behind", async () => {
    const model = build({ kind: "fsq", levels: [5, 4] });
    const before = tf.memory().numTensors;
    const none = evaluateModel(model, batches(images(0), []), { loss });
    await expect(none).rejects.toMatchObject({ code: "data" });
    async function* mixed(): AsyncGenerator<ImageBatch> {
      yield* batches(images(1), [1]);
      yield { pixels: new Uint8Array(14 * 12 * 3), count: 1, height: 14, width: 12, files: ["turned"] };
    }
    await expect(evaluateModel(model, mixed(), { loss })).rejects.toMatchObject({
      code: "data",
      message: expect.stringContaining("expected all 12x14 (height x width), got 14x12"),
    });
    const stop = new AbortController();
    stop.abort();
    await expect(
      evaluateModel(model, batches(images(1), [1]), { loss, signal: stop.signal }),
    ).rejects.toMatchObject({ name: "AbortError" });
    const weights = await model.copyWeights();
    for (const { data } of weights.values()) data.fill(Number.NaN);
    model.setWeights(weights);
    await expect(evaluateModel(model, batches(images(1), [1]), { loss })).rejects.toMatchObject({
      code: "numerics",
    });
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });
});

describe("evaluateMeanColour", () => {
  it("paints each image in its own mean", async () => {
    // Each image is half one grey and half another: 0 and 200 (mean 100), 50 and 70 (mean 60).
    const length = size.height * size.width * 3;
    const pixels = new Uint8Array(2 * length);
    pixels
      .fill(200, length / 2, length)
      .fill(50, length, 1.5 * length)
      .fill(70, 1.5 * length);
    const figures = await evaluateMeanColour(batches(pixels, [1, 1]), { loss });
    expect(figures.mse).toBe((100 ** 2 + 10 ** 2) / 2);
    expect(figures.psnr).toBeCloseTo((10 * Math.log10(6.5025) + 10 * Math.log10(650.25)) / 2, 10);
    // In units of -1..1 the errors are 100/127.5 and 10/127.5.
    const l1 = 110 / 127.5 / 2;
    const l2 = (100 ** 2 + 10 ** 2) / 127.5 ** 2 / 2;
    expect(figures.reconstructionLoss).toBeCloseTo(0.5 * l1 + 2 * l2, 5);
    expect(figures).toMatchObject({ images: 2, usage: null, perplexity: null, quantizationError: null });
  });

  it("refuses no images, and leaves no tensor behind", async () => {
    const before = tf.memory().numTensors;
    await evaluateMeanColour(batches(images(3), [2, 1]), { loss });
    await expect(evaluateMeanColour(batches(images(0), []), { loss })).rejects.toMatchObject({
      code: "data",
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});
