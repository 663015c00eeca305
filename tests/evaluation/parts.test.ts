import { writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { dataConfigSchema, type ImageBatch, ImageDataset } from "../../src/data/index.js";
import { LatentStatistics } from "../../src/evaluation/figures/index.js";
import {
  type EvaluationSums,
  evaluateModel,
  evaluationOf,
  ImageSums,
  imageSumsOf,
  meanColourFigures,
  storedImageSums,
  storedSums,
  sumMeanColour,
  sumModel,
  sumsOf,
} from "../../src/evaluation/index.js";
import { reconstructionLossSchema } from "../../src/losses/index.js";
import { GaussianFit } from "../../src/metrics/index.js";
import { loadModel } from "../../src/tokenizer/index.js";
import { noise, temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers } from "../tokenizer/model.js";

const root = await temporaryFolder();
const loss = reconstructionLossSchema.parse("l1");

/** Five images, of which the third is two crops and the fourth none; another size of the last. */
async function dataset(): Promise<ImageDataset> {
  const widths = [24, 24, 48, 0, 24];
  for (const [i, width] of widths.entries()) {
    const file = path.join(root, `${i}.png`);
    if (width === 0) await writeFile(file, "no image");
    else await noise(i, { height: 16, width }).image.png().toFile(file);
  }
  const data = dataConfigSchema.parse({
    ...{ images: path.join(root, "*.png"), cropSize: [16, 24], heldOut: 0, evaluationCropsPerImage: 4 },
  });
  return ImageDataset.open(data, 0, { onBroken: () => {} });
}

beforeAll(useEngine);
const images = await dataset();

async function all(batches: AsyncIterable<ImageBatch>): Promise<ImageBatch[]> {
  const found: ImageBatch[] = [];
  for await (const batch of batches) found.push(batch);
  return found;
}

async function* some(batches: readonly ImageBatch[]): AsyncGenerator<ImageBatch, void, undefined> {
  yield* batches;
}

describe("evaluationBatches in parts", () => {
  it("ends a batch with a part, and has the same crops in the same order", async () => {
    const whole = await all(images.evaluationBatches({ batchSize: 3 }));
    const parts = await all(images.evaluationBatches({ batchSize: 3, imagesPerPart: 2 }));
    // Five crops: of files 0, 1, twice 2, and 4. Parts are files 0 and 1, 2 and 3, 4.
    expect(whole.map(({ count, part }) => [count, part])).toEqual([
      [3, undefined],
      [2, undefined],
    ]);
    expect(parts.map(({ count, part }) => [count, part])).toEqual([
      [2, 0],
      [2, 1],
      [1, 2],
    ]);
    for (const part of [0, 1, 2]) {
      const alone = await all(images.evaluationBatches({ batchSize: 3, imagesPerPart: 2, part }));
      expect(alone).toEqual(parts.filter((each) => each.part === part));
    }
    const pixels = (batches: readonly ImageBatch[]) => Buffer.concat(batches.map((each) => each.pixels));
    expect(pixels(parts).equals(pixels(whole))).toBe(true);
  });

  it("needs no readable image in a part that is read alone", async () => {
    const broken = await ImageDataset.open(
      dataConfigSchema.parse({ images: path.join(root, "3.png"), cropSize: [16, 24], heldOut: 0 }),
      0,
    );
    expect(await all(broken.evaluationBatches({ batchSize: 2, imagesPerPart: 1, part: 0 }))).toEqual([]);
    await expect(all(broken.evaluationBatches({ batchSize: 2 }))).rejects.toMatchObject({ code: "data" });
    expect(() => images.evaluationBatches({ batchSize: 1, imagesPerPart: 0 })).toThrow(/imagesPerPart/);
  });
});

describe("sums of parts", () => {
  it("are those of the whole, bit for bit, each summed up apart and through a file", async () => {
    const { model } = await loadModel(await modelFile(await temporaryFolder(), quantizers.vq));
    try {
      const batches = await all(images.evaluationBatches({ batchSize: 3, imagesPerPart: 2 }));
      const { examples: _, ...whole } = await evaluateModel(model, some(batches), { loss });
      let merged: EvaluationSums | undefined;
      let mean: ImageSums | undefined;
      for (const part of [0, 1, 2]) {
        const own = () => some(batches.filter((batch) => batch.part === part));
        const sums = sumsOf(storedSums((await sumModel(model, own(), { loss })) as EvaluationSums));
        const colours = imageSumsOf(storedImageSums((await sumMeanColour(own(), { loss })) as ImageSums));
        if (merged === undefined) merged = sums;
        else merged.merge(sums);
        if (mean === undefined) mean = colours;
        else mean.merge(colours);
      }
      expect(evaluationOf(merged as EvaluationSums, {})).toEqual(whole);
      const here = (await sumMeanColour(some(batches), { loss })) as ImageSums;
      expect(meanColourFigures(mean as ImageSums)).toEqual(meanColourFigures(here));
      expect(whole.figures.images).toBe(5);

      // A single part is what no part is, its digest too.
      const plain = batches.filter(({ part }) => part === 1).map(({ part: _part, ...batch }) => batch);
      const one = await evaluateModel(model, some(plain), { loss });
      const parted = await evaluateModel(model, some(plain.map((batch) => ({ ...batch, part: 1 }))), {
        loss,
      });
      expect(parted).toEqual(one);
      expect(await sumModel(model, some([]), { loss })).toBeUndefined();
    } finally {
      model.dispose();
    }
  });

  it("refuses parts of another size, and sums of no image", () => {
    const of = (size: string) => ImageSums.of({ size, perImage: [], losses: [], digests: ["a".repeat(64)] });
    expect(() => of("16x24").merge(of("24x16"))).toThrow(/expected all 16x24 .*got 24x16/);
    expect(() => storedImageSums(new ImageSums())).toThrow(/at least one/);
    expect(() => sumsOf({ tensors: new Map(), text: "{}" })).toThrow(/images/);
  });
});

describe("merged statistics", () => {
  /** Rows far from 0, so that sums about another origin show. */
  const rows = Float64Array.from({ length: 7 * 3 }, (_, i) => 100 + ((i * 37) % 11) + (i % 3) * 5);

  it("of features are mean and covariance of all vectors", () => {
    const whole = new GaussianFit(3);
    whole.add(rows);
    const [a, b] = [new GaussianFit(3), new GaussianFit(3)];
    a.add(rows.subarray(0, 6));
    b.add(rows.subarray(6));
    const empty = new GaussianFit(3);
    empty.merge(a);
    empty.merge(GaussianFit.of(b.state));
    expect(empty.samples).toBe(7);
    const [got, expected] = [empty.gaussian(), whole.gaussian()];
    for (const [i, value] of got.mean.entries()) expect(value).toBeCloseTo(expected.mean[i] as number, 10);
    for (const [i, value] of got.covariance.entries()) {
      expect(value).toBeCloseTo(expected.covariance[i] as number, 9);
    }
    expect(() => a.merge(new GaussianFit(2))).toThrow(/merge/);
  });

  it("of latents are those of all batches", () => {
    /** Norms (0, 0), the mean and the scatter of some rows, as a batch gives them. */
    const batch = (from: number, to: number): [Float32Array, number] => {
      const n = to - from;
      const mean = [0, 1, 2].map((j) => {
        let sum = 0;
        for (let r = from; r < to; r++) sum += rows[r * 3 + j] as number;
        return sum / n;
      });
      const scatter = [0, 1, 2].flatMap((i) =>
        [0, 1, 2].map((j) => {
          let sum = 0;
          for (let r = from; r < to; r++) {
            sum +=
              ((rows[r * 3 + i] as number) - (mean[i] as number)) *
              ((rows[r * 3 + j] as number) - (mean[j] as number));
          }
          return sum;
        }),
      );
      return [Float32Array.from([from, to, ...mean, ...scatter]), n];
    };
    const [a, b, whole] = [new LatentStatistics(3), new LatentStatistics(3), new LatentStatistics(3)];
    a.add(...batch(0, 2));
    b.add(...batch(2, 7));
    whole.add(...batch(0, 7));
    a.merge(LatentStatistics.of(b.state));
    const [got, expected] = [a.state, whole.state];
    expect(got.count).toBe(7);
    expect(got.latentNorms).toBe(0 + 2);
    expect(got.codeNorms).toBe(2 + 7);
    for (const [i, value] of got.scatter.entries())
      expect(value).toBeCloseTo(expected.scatter[i] as number, 3);
    for (const [i, value] of got.mean.entries()) expect(value).toBeCloseTo(expected.mean[i] as number, 4);
  });
});
