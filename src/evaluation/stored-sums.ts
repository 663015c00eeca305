/** Sums of evaluations as arrays and a text of JSON, for files; what is read is equal to what was written, bit for bit. */
import { z } from "zod";
import { parseConfig } from "../core/config.js";
import { VqkitError } from "../core/errors.js";
import type { StoredTensor, TensorMap } from "../files/index.js";
import { CodeCounts, GaussianFit, type ImageFigures } from "../metrics/index.js";
import { EvaluationSums } from "./evaluation-sums.js";
import { LatentStatistics } from "./figures/index.js";
import { ImageSums } from "./image-sums.js";
import { NetworkSums } from "./network-figures.js";

/** What goes into a file. */
export interface StoredSums {
  readonly tensors: TensorMap;
  /** JSON. */
  readonly text: string;
}

const count = z.int().min(0);
const side = z.int().min(1);

const imagesSchema = z.strictObject({ size: z.string(), digests: z.array(z.string()) });
const countsSchema = z.strictObject({
  codebookSize: side,
  numCodebooks: side,
  codebooks: z.array(z.strictObject({ indices: z.array(count), counts: z.array(count) })),
});
const sumsSchema = z.strictObject({
  images: imagesSchema,
  codeDim: side,
  counts: countsSchema,
  scales: z.array(z.strictObject({ side, counts: countsSchema })).nullable(),
  geometry: z.strictObject({
    gridHeight: side,
    gridWidth: side,
    imageHeight: side,
    imageWidth: side,
    numCodebooks: side,
  }),
  latents: z.strictObject({ count, latentNorms: z.number(), codeNorms: z.number() }),
  networkImages: count,
  /** Vectors of each fit; null where there is none. */
  originals: count.nullable(),
  reconstructions: count.nullable(),
});

/** Of an image that is equal to its original, or too small for a figure. */
const NULL = Number.NaN;
const FIGURES = ["mse", "psnr", "ssim", "msSsim"] as const;

/** The sums of a model. @throws VqkitError("data") for sums of no image */
export function storedSums(sums: EvaluationSums): StoredSums {
  const { images, counts, scales, geometry, errors, networks } = sums;
  const { tensors, head } = imageParts(images);
  const { count: latentCount, latentNorms, codeNorms, mean, scatter } = sums.latents.state;
  tensors.set("errors", doubles(errors));
  tensors.set("latents/mean", doubles(mean));
  tensors.set("latents/scatter", doubles(scatter));
  tensors.set("distances", doubles(networks.distances));
  for (const name of ["originals", "reconstructions"] as const) {
    const fit = networks[name]?.state;
    for (const part of ["origin", "sums", "products"] as const) {
      if (fit !== undefined) tensors.set(`${name}/${part}`, doubles(fit[part]));
    }
  }
  const text = JSON.stringify({
    images: head,
    codeDim: mean.length,
    counts: counts.toJSON(),
    scales: scales?.scales.map((each) => ({ side: each.side, counts: each.counts.toJSON() })) ?? null,
    geometry,
    latents: { count: latentCount, latentNorms, codeNorms },
    networkImages: networks.images,
    originals: networks.originals?.samples ?? null,
    reconstructions: networks.reconstructions?.samples ?? null,
  });
  return { tensors, text };
}

/** Reads what `storedSums` has made. @throws ConfigError, ShapeError or VqkitError("format" | "codes") for anything else */
export function sumsOf({ tensors, text }: StoredSums): EvaluationSums {
  const head = parseConfig(sumsSchema, JSON.parse(text), "sums");
  const counts = CodeCounts.fromJSON(head.counts);
  const networks = new NetworkSums();
  networks.images = head.networkImages;
  for (const each of numbers(tensors, "distances")) networks.distances.push(each);
  for (const name of ["originals", "reconstructions"] as const) {
    const samples = head[name];
    if (samples === null) continue;
    const [origin, sums, products] = ["origin", "sums", "products"].map((part) =>
      numbers(tensors, `${name}/${part}`),
    ) as [Float64Array, Float64Array, Float64Array];
    networks[name] = GaussianFit.of({ samples, origin, sums, products });
  }
  const latents = LatentStatistics.of({
    ...head.latents,
    mean: numbers(tensors, "latents/mean"),
    scatter: numbers(tensors, "latents/scatter"),
  });
  const { codebookSize, numCodebooks } = counts;
  const errors = [...numbers(tensors, "errors")];
  const images = readImages(tensors, head.images);
  const sequence = head.scales === null ? undefined : { scales: head.scales.map((each) => each.side) };
  const sums = new EvaluationSums(
    { codebookSize, numCodebooks, codeDim: head.codeDim, sequence },
    { images, counts, latents, networks, errors, geometry: head.geometry },
  );
  for (const [i, each] of (head.scales ?? []).entries()) {
    sums.scales?.scales[i]?.counts.merge(CodeCounts.fromJSON(each.counts));
  }
  return sums;
}

/** The sums of the mean colour. @throws VqkitError("data") for sums of no image */
export function storedImageSums(sums: ImageSums): StoredSums {
  const { tensors, head } = imageParts(sums);
  return { tensors, text: JSON.stringify(head) };
}

/** Reads what `storedImageSums` has made. @throws as `sumsOf` */
export function imageSumsOf({ tensors, text }: StoredSums): ImageSums {
  return readImages(tensors, parseConfig(imagesSchema, JSON.parse(text), "sums"));
}

function imageParts(sums: ImageSums) {
  const { size, perImage, losses, digests } = sums.records();
  if (size === undefined) throw new VqkitError("data", "evaluation images: expected at least one, got none.");
  const figures = perImage.flatMap((each) => FIGURES.map((name) => each[name] ?? NULL));
  const tensors = new Map<string, StoredTensor>([
    ["perImage", doubles(figures)],
    ["losses", doubles(losses)],
  ]);
  return { tensors, head: { size, digests } };
}

function readImages(
  tensors: TensorMap,
  { size, digests }: { readonly size: string; readonly digests: readonly string[] },
): ImageSums {
  const figures = numbers(tensors, "perImage");
  const width = FIGURES.length;
  const perImage = Array.from({ length: figures.length / width }, (_, i) => {
    const values = FIGURES.map((name, j) => {
      const value = figures[i * width + j] as number;
      return [name, Number.isNaN(value) ? null : value];
    });
    return Object.fromEntries(values) as unknown as ImageFigures;
  });
  return ImageSums.of({ size, perImage, losses: [...numbers(tensors, "losses")], digests });
}

function doubles(values: readonly number[] | Float64Array): StoredTensor {
  return { dtype: "F64", shape: [values.length], data: Float64Array.from(values) };
}

function numbers(tensors: TensorMap, name: string): Float64Array {
  const found = tensors.get(name);
  if (found?.dtype === "F64") return found.data;
  throw new VqkitError("format", `sums: expected float64 numbers ${name}, got ${found?.dtype ?? "none"}.`);
}
