import { createHash } from "node:crypto";
import path from "node:path";
import type { ImageAutoencoder } from "../../autoencoder/index.js";
import { type EngineOptions, releaseGraphs, selectEngine } from "../../backend/index.js";
import { VqkitError } from "../../core/errors.js";
import { Random } from "../../core/random.js";
import {
  type BrokenImage,
  countDatasetImages,
  type DataConfig,
  type FoundImages,
  type ImageBatch,
  ImageDataset,
  type ImageNote,
  type SourceFile,
} from "../../data/index.js";
import {
  type EvaluationNetworks,
  type StoredSums,
  storedImageSums,
  storedSums,
  sumMeanColour,
  sumModel,
} from "../../evaluation/index.js";
import { writeSafetensors } from "../../files/index.js";
import type { ReconstructionLossConfig } from "../../losses/index.js";
import { loadModel } from "../../tokenizer/index.js";
import type { ComputingControl } from "./control.js";
import { type NetworkFiles, openNetworks, releaseNetworks } from "./networks.js";

export type { NetworkFiles } from "./networks.js";

/** How something is measured, and with what. Plain data, which goes to another thread. */
export interface EvaluationWork {
  /** By fingerprint, and where each may lie. */
  readonly models: readonly { readonly fingerprint: string; readonly paths: readonly string[] }[];
  readonly engine: EngineOptions;
  readonly networks: NetworkFiles;
  readonly data: DataConfig;
  readonly loss: ReconstructionLossConfig;
  readonly batchSize: number;
  /** With all images. */
  readonly files: readonly SourceFile[];
  readonly imagesPerPart: number;
}

/** A part of the images, and the folder that its sums are written into. */
export interface PartWork extends EvaluationWork {
  readonly part: number;
  readonly dir: string;
}

/** What was measured of a part. */
export interface PartRecord {
  /** Files in the folder with their SHA-256: sums of each model that has some, and of the mean colour. */
  readonly digests: Readonly<Record<string, string>>;
  /** Images, each counted with each model. */
  readonly items: number;
  readonly broken: readonly BrokenImage[];
  readonly notes: readonly ImageNote[];
}

/** The file of a model's sums. */
export function sumsFile(model: number): string {
  return `model-${model}.safetensors`;
}

/** The file of the sums of the mean colour. */
export const MEAN_COLOUR_FILE = "mean-colour.safetensors";

/** What measures; the caller's to release. */
export interface EvaluationMeans {
  readonly models: readonly ImageAutoencoder[];
  readonly networks: EvaluationNetworks;
}

interface KeptMeans extends EvaluationMeans {
  /** The images of the work; counted once. */
  found(): Promise<FoundImages>;
}

/** The means of the last work, which the next one most often has too. */
let kept: { readonly key: string; readonly means: KeptMeans } | undefined;

/**
 * Sums up what models make of a part of the images.
 *
 * @throws VqkitError("queue") for models or networks that are not there; otherwise as `sumModel`; the signal's reason
 */
export async function evaluatePart(
  work: PartWork,
  { signal, onItems }: ComputingControl,
): Promise<PartRecord> {
  const { data, batchSize, imagesPerPart, part, dir } = work;
  const notes: ImageNote[] = [];
  const means = await meansOf(work);
  const dataset = await ImageDataset.open({ ...data, heldOut: 0 }, 0, {
    found: await means.found(),
    onNote: (note) => void notes.push(note),
  });
  const batches = () => dataset.evaluationBatches({ batchSize, imagesPerPart, part });
  const digests: Record<string, string> = {};
  let items = 0;
  const all = sumsOf(means, { ...work, batches, signal, onItems });
  for await (const { name, sums, images } of all) {
    items += images;
    if (sums === undefined) continue;
    await writeSafetensors(path.join(dir, name), sums.tensors, { sums: sums.text });
    digests[name] = digestOf(sums);
  }
  return { digests, items, broken: dataset.broken, notes };
}

/**
 * What this machine's arithmetic makes of one batch of fixed images: equal where all sums are equal bit for bit.
 *
 * @returns SHA-256 in hex
 * @throws as `evaluatePart`
 */
export async function evaluationProbe(work: EvaluationWork, control: ComputingControl): Promise<string> {
  return probeOf(await meansOf(work), work, control);
}

/** As `evaluationProbe`, with means that are there. */
export async function probeOf(
  means: EvaluationMeans,
  { data, loss, batchSize }: Pick<EvaluationWork, "data" | "loss" | "batchSize">,
  { signal }: Pick<ComputingControl, "signal">,
): Promise<string> {
  const [height, width] = data.cropSize;
  const random = new Random(0, "evaluation probe", height, width);
  const pixels = Uint8Array.from({ length: batchSize * height * width * 3 }, () => random.integer(256));
  const files = Array.from({ length: batchSize }, (_, i) => `probe ${i}`);
  async function* batches(): AsyncGenerator<ImageBatch, void, undefined> {
    yield { pixels, count: batchSize, height, width, files };
  }
  const hash = createHash("sha256");
  const options = { loss, batches, signal, onItems: () => {} };
  for await (const { sums } of sumsOf(means, options)) if (sums !== undefined) hash.update(digestOf(sums));
  return hash.digest("hex");
}

/** Frees what is kept for the next work. */
export async function releaseMeans(): Promise<void> {
  const before = kept;
  kept = undefined;
  if (before === undefined) return;
  for (const model of before.means.models) model.dispose();
  await releaseNetworks(before.means.networks);
  await releaseGraphs();
}

interface SumsOptions extends ComputingControl {
  readonly loss: ReconstructionLossConfig;
  batches(): AsyncIterable<ImageBatch>;
}

/** The sums of each model and of the mean colour; undefined where there is no image. */
async function* sumsOf(
  { models, networks }: EvaluationMeans,
  { loss, batches, signal, onItems }: SumsOptions,
): AsyncGenerator<{ name: string; sums: StoredSums | undefined; images: number }, void, undefined> {
  let done = 0;
  for (const [i, model] of models.entries()) {
    const before = done;
    const onProgress = (images: number): void => onItems(before + images);
    const sums = await sumModel(model, batches(), { loss, networks, signal, onProgress });
    const images = sums?.images.images ?? 0;
    done += images;
    yield { name: sumsFile(i), sums: sums && storedSums(sums), images };
  }
  const mean = await sumMeanColour(batches(), { loss, signal });
  yield { name: MEAN_COLOUR_FILE, sums: mean && storedImageSums(mean), images: 0 };
}

/** Of what is summed up, whatever file it stands in. */
export function digestOf({ tensors, text }: StoredSums): string {
  const hash = createHash("sha256").update(text);
  for (const [name, { data }] of [...tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

async function meansOf({ models, networks, engine, data, files }: EvaluationWork): Promise<KeptMeans> {
  const key = JSON.stringify({ models, networks, engine, data, files });
  if (kept?.key === key) return kept.means;
  await releaseMeans();
  await selectEngine(engine);
  const loaded: ImageAutoencoder[] = [];
  try {
    for (const each of models) loaded.push(await modelOf(each));
    let found: Promise<FoundImages> | undefined;
    const passedOver = { files: 0, endings: {}, links: 0, devices: 0, folders: [] };
    const means = {
      models: loaded,
      networks: await openNetworks(networks, engine.threads),
      found: () =>
        (found ??= countDatasetImages(data, { files, unusable: [], passedOver, pinned: data.images })),
    };
    kept = { key, means };
    return means;
  } catch (error) {
    for (const model of loaded) model.dispose();
    throw error;
  }
}

/** @throws VqkitError("queue") when there are only others */
async function modelOf({ fingerprint, paths }: EvaluationWork["models"][number]): Promise<ImageAutoencoder> {
  const others: string[] = [];
  for (const each of paths) {
    const loaded = await loadModel(each).catch((error: unknown) => {
      if (!(error instanceof VqkitError)) throw error;
      others.push(error.message);
    });
    if (loaded === undefined) continue;
    if (loaded.fingerprint === fingerprint) return loaded.model;
    loaded.model.dispose();
    others.push(`${loaded.fingerprint.slice(0, 12)} (${each})`);
  }
  const got = others.length === 0 ? "none" : others.join(" ");
  throw new VqkitError(
    "queue",
    `queue: expected the model ${fingerprint.slice(0, 12)}, got ${got}. Give it (option model), or put it into the shared folder.`,
  );
}
