import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { ImageAutoencoder, resolveModel } from "../../src/autoencoder/index.js";
import { Random } from "../../src/core/random.js";
import type { ImageBatch } from "../../src/data/index.js";
import {
  DistanceNetwork,
  evaluateModel,
  evaluationCard,
  FeatureNetwork,
} from "../../src/evaluation/index.js";
import { assertSameConventions, compareImages } from "../../src/metrics/index.js";
import { createQuantizer } from "../../src/quantizers/index.js";
import { useEngine } from "../engine.js";
import { convolved, distanceModel, featureModel, LINEAR } from "./stand-in-networks.js";

let folder: string;
beforeAll(async () => {
  await useEngine();
  folder = await mkdtemp(path.join(tmpdir(), "vqkit-networks-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const loss = { l1: 0, l2: 1, huber: 0, ssim: 0, huberDelta: 1 };
const data = { resize: null, cropSize: [12, 14] as [number, number], evaluationCropsPerImage: 1 };
const size = { height: 12, width: 14 };
const threads = 1;

/** Each image from a file of its own, in the given batches. */
async function* batches(counts: readonly number[], { height, width } = size): AsyncGenerator<ImageBatch> {
  let image = 0;
  for (const count of counts) {
    const files = Array.from({ length: count }, (_, i) => `file${image + i}`);
    const pixels = Buffer.concat(files.map((_, i) => noise(image + i, height * width * 3)));
    yield { pixels, count, height, width, files };
    image += count;
  }
}

function noise(seed: number, length: number): Uint8Array {
  const random = new Random(seed, "network images");
  const spread = 30 + 25 * seed;
  return Uint8Array.from({ length }, () => 20 * seed + random.integer(spread));
}

function build(): ImageAutoencoder {
  const config = resolveModel({ preset: "tiny", downsamplingFactor: 2, baseWidth: 4, latentChannels: 2 });
  const model = ImageAutoencoder.create({
    config,
    quantizer: createQuantizer({ kind: "fsq", levels: [5, 4] }, 2),
    seed: 2,
  });
  onTestFinished(() => model.dispose());
  return model;
}

async function file(name: string, model: Uint8Array): Promise<string> {
  const where = path.join(folder, name);
  await writeFile(where, model);
  return where;
}

async function openDistance(name: string, model = distanceModel()): Promise<DistanceNetwork> {
  const network = await DistanceNetwork.open(await file(name, model), { threads });
  onTestFinished(() => network.release());
  return network;
}

async function openFeatures(name: string, model = featureModel()): Promise<FeatureNetwork> {
  const network = await FeatureNetwork.open(await file(name, model), { threads });
  onTestFinished(() => network.release());
  return network;
}

const average = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Moments of vectors of two numbers. */
function moments(vectors: readonly (readonly number[])[]) {
  const [x, y] = [0, 1].map((i) => vectors.map((vector) => vector[i] as number)) as [number[], number[]];
  const [mx, my] = [average(x), average(y)];
  const n = vectors.length;
  const covariance = (a: number[], ma: number, b: number[], mb: number) =>
    a.reduce((sum, value, i) => sum + (value - ma) * ((b[i] as number) - mb), 0) / (n - 1);
  return { mx, my, xx: covariance(x, mx, x, mx), xy: covariance(x, mx, y, my), yy: covariance(y, my, y, my) };
}

/** Two dimensions have a closed form: tr (AB)^½ = sqrt(tr AB + 2·sqrt(det A · det B)). */
function frechetInThePlane(a: ReturnType<typeof moments>, b: ReturnType<typeof moments>): number {
  const traceOfProduct = a.xx * b.xx + 2 * a.xy * b.xy + a.yy * b.yy;
  const determinants = (a.xx * a.yy - a.xy ** 2) * (b.xx * b.yy - b.xy ** 2);
  const root = Math.sqrt(traceOfProduct + 2 * Math.sqrt(determinants));
  return (a.mx - b.mx) ** 2 + (a.my - b.my) ** 2 + a.xx + a.yy + b.xx + b.yy - 2 * root;
}

describe("evaluateModel with networks", () => {
  it("LPIPS and FID of stand-in networks, computed independently", async () => {
    const networks = { lpips: await openDistance("lpips.onnx"), fid: await openFeatures("fid.onnx") };
    const { figures, examples, warnings, notMeasured, optionalConventions } = await evaluateModel(
      build(),
      batches([3, 2, 1]),
      { loss, networks, examples: 6 },
    );
    const maps = (images: typeof examples.originals) =>
      images.map(({ pixels }) => convolved(pixels, [12, 14]));
    const [originals, reconstructions] = [maps(examples.originals), maps(examples.reconstructions)];
    expect(originals).toHaveLength(6);

    const distances = originals.map((features, n) =>
      features.reduce((sum, map, feature) => {
        const other = reconstructions[n]?.[feature] as number[];
        return (
          sum + (LINEAR[feature] as number) * average(map.map((v, i) => (v - (other[i] as number)) ** 2))
        );
      }, 0),
    );
    expect(figures.lpips).toBeCloseTo(average(distances), 5);

    const pooled = (all: typeof originals) =>
      all.map((maps) => maps.map((map) => average(map.map((v) => Math.max(0, v)))));
    const expected = frechetInThePlane(moments(pooled(originals)), moments(pooled(reconstructions)));
    expect(expected).toBeGreaterThan(0.01);
    expect((figures.fid as number) / expected).toBeCloseTo(1, 4);
    expect(figures.fidFeatures).toBe(2);

    expect(warnings).toEqual([
      expect.stringMatching(/^FID of 6 images: fewer than 10000 images\. .*same images\.$/),
    ]);
    expect(notMeasured).toEqual({ msSsim: expect.stringContaining("at least 161 pixels") });
    expect(optionalConventions).toEqual({
      lpips: expect.stringContaining(networks.lpips.sha256),
      fid: expect.stringContaining(networks.fid.sha256),
    });
  });

  it("takes features [N, D] and [N, D, 1, 1] alike, batched in any way", async () => {
    const model = build();
    const fid = async (network: FeatureNetwork, counts: number[]) =>
      (await evaluateModel(model, batches(counts), { loss, networks: { fid: network } })).figures
        .fid as number;
    const plain = await fid(await openFeatures("plain.onnx"), [5]);
    const flat = await fid(await openFeatures("flat.onnx", featureModel({ flat: true })), [1, 3, 1]);
    expect(flat / plain).toBeCloseTo(1, 4);
  });

  it("says why a figure is missing, and warns of more features than images", async () => {
    const networks = { fid: await openFeatures("few.onnx") };
    const one = await evaluateModel(build(), batches([1]), { loss, networks });
    expect(one.figures).toMatchObject({ msSsim: null, lpips: null, fid: null, fidFeatures: null });
    expect(one.notMeasured).toEqual({
      msSsim: "needs sides of at least 161 pixels, the images are 12x14",
      lpips: expect.stringContaining("(option lpips)"),
      fid: "a covariance needs at least 2 images, got 1",
    });
    expect(one.optionalConventions).toEqual({});
    const two = await evaluateModel(build(), batches([2]), { loss, networks });
    expect(two.warnings).toEqual([
      expect.stringContaining("no more images than the 2 features (singular covariances)"),
    ]);
    expect(two.figures.fid).toBeGreaterThan(0);
  });

  it("measures MS-SSIM where the images have room for it, and says how", async () => {
    const large = { height: 162, width: 164 };
    const evaluation = await evaluateModel(build(), batches([1, 1], large), { loss });
    const [first, second] = evaluation.examples.originals.map((original, i) => {
      const one = (pixels: Uint8Array) => ({ pixels, count: 1, ...large });
      const reconstruction = evaluation.examples.reconstructions[i]?.pixels as Uint8Array;
      return compareImages(one(original.pixels), one(reconstruction))[0]?.msSsim as number;
    }) as [number, number];
    expect(evaluation.figures.msSsim).toBeCloseTo((first + second) / 2, 12);
    expect(first).not.toBe(second);
    expect(evaluation.optionalConventions).toEqual({ msSsim: expect.stringContaining("0.0448") });
    expect(evaluation.notMeasured).not.toHaveProperty("msSsim");
  });

  it("cards of other networks may not stand in one table", async () => {
    const model = build();
    const card = async (network: FeatureNetwork | undefined) => {
      const evaluation = await evaluateModel(model, batches([3]), { loss, networks: { fid: network } });
      return evaluationCard(evaluation, { loss, data, set: "all files" });
    };
    const one = { name: "a", card: await card(await openFeatures("one.onnx")) };
    const same = { name: "b", card: await card(await openFeatures("copy.onnx")) };
    const other = {
      name: "c",
      card: await card(await openFeatures("two.onnx", featureModel({ flat: true }))),
    };
    const none = { name: "d", card: await card(undefined) };
    expect(() => assertSameConventions([one, same])).not.toThrow();
    expect(() => assertSameConventions([one, other])).toThrow(/^c: expected "fid" measured as in a/);
    expect(() => assertSameConventions([one, none])).toThrow(/^d: expected "fid" .*got nothing/);
  });
});

describe("files that are no such network", () => {
  it("are refused when they are opened", async () => {
    await expect(DistanceNetwork.open(path.join(folder, "none.onnx"))).rejects.toMatchObject({
      code: "file",
    });
    const text = await file("text.onnx", Buffer.from("not a network"));
    await expect(FeatureNetwork.open(text, { threads })).rejects.toMatchObject({
      name: "BackendError",
      message: expect.stringMatching(/^text\.onnx: expected an ONNX model, but/),
    });
    const swapped = await file("swapped.onnx", featureModel());
    await expect(DistanceNetwork.open(swapped, { threads })).rejects.toMatchObject({
      code: "format",
      message: expect.stringMatching(/swapped\.onnx: expected 2 inputs and 1 output, got 1 and 1/),
    });
  });

  it("are refused when their output is of another form", async () => {
    const images = { pixels: noise(1, 2 * 12 * 14 * 3), count: 2, ...size };
    const whole = await openDistance("whole.onnx", distanceModel({ perImage: false }));
    await expect(whole.distances(images, images)).rejects.toMatchObject({
      code: "format",
      message: "whole.onnx: expected one distance for each of 2 images, got shape [1,1,1,1].",
    });
    const maps = await openFeatures("maps.onnx", featureModel({ pooled: false }));
    await expect(maps.features(images)).rejects.toThrow(
      "maps.onnx: expected features [2,D], got shape [2,2,5,12]. Pool them inside the file.",
    );
    const single = await openFeatures("single.onnx", featureModel({ batch: 1 }));
    await expect(single.features(images)).rejects.toThrow(
      /^single\.onnx: input "image" takes \[1,3,H,W\], got \[2,3,12,14\]\. Export it with sizes that may vary/,
    );
  });
});
