import { stat } from "node:fs/promises";
import { VqkitError } from "../../core/errors.js";
import { describePassedOver, imageOfBatch, type PassedOver } from "../../data/index.js";
import { CodeCounts } from "../../metrics/index.js";
import { RunFolder, readUsageFile } from "../../runs/index.js";
import {
  beginsImage,
  type Codes,
  countCodes,
  openCodes,
  otherModel,
  scalesOf,
  sequenceLength,
  type Tokenizer,
} from "../../tokenizer/index.js";
import { datasetOf } from "../sample-images.js";

/** What shows which codes are used: images, codes of the model, or a usage.json; by default the run's own. */
export type PruneEvidence =
  | { readonly images: string | readonly string[] }
  | { readonly codes: string }
  | { readonly usage?: string };

/** Codes seen, and the material to prove the pruned model on. */
export interface Evidence {
  readonly counts: CodeCounts;
  /** What they were counted on, for messages. */
  readonly description: string;
  /**
   * The material once more, encoded by a model; undefined when only codes are there, or the run's images are not to be
   * found any more.
   */
  readonly encode: ((tokenizer: Tokenizer) => AsyncGenerator<Codes, void, undefined>) | undefined;
  /** Whether `codes` are those of images, and not grids made to hold each code that was used. */
  readonly ofImages: boolean;
  /** Codes of the model before pruning. Where there is `encode`, what it gives. */
  readonly codes: () => AsyncIterable<Codes>;
  readonly warnings: readonly string[];
}

/**
 * @param path of the run or model file
 * @throws VqkitError("run") when a model file comes without evidence; VqkitError("codes") for counts of another codebook
 */
export async function gatherEvidence(path: string, live: Tokenizer, given: PruneEvidence): Promise<Evidence> {
  const evidence =
    "images" in given
      ? await fromImages(live, given.images)
      : "codes" in given
        ? await fromCodes(live, given.codes)
        : await fromUsage(path, live, given.usage);
  checkCounts(evidence.counts, live);
  return evidence;
}

async function fromImages(live: Tokenizer, images: string | readonly string[]): Promise<Evidence> {
  let passedOver = "";
  const onPassedOver = (all: PassedOver): void => {
    passedOver = describePassedOver(all);
  };
  // A model that takes one size is given the middle of each image.
  const size = live.imageSide;
  const cut = size === undefined ? {} : ({ policy: "crop", size } as const);
  const encode = (tokenizer: Tokenizer) => tokenizer.encodeAll(images, { ...cut, onPassedOver });
  const counts = new CodeCounts(live.codebookSize, live.numCodebooks);
  let count = 0;
  for await (const codes of encode(live)) {
    counts.add(codes.indices);
    count += codes.images.filter(beginsImage).length;
  }
  const codes = () => encode(live);
  const description = count === 1 ? "1 image" : `${count} images`;
  const warnings = passedOver === "" ? [] : [`Passed over ${passedOver}.`];
  return { counts, description, encode, ofImages: true, codes, warnings };
}

async function fromCodes(live: Tokenizer, folder: string): Promise<Evidence> {
  const reader = await openCodes(folder);
  const { fingerprint } = reader.manifest;
  if (fingerprint !== live.fingerprint) throw otherModel(live.fingerprint, fingerprint);
  const { counts } = await countCodes(folder);
  const description = `the codes in ${folder}`;
  const codes = () => reader.read();
  return { counts, description, encode: undefined, ofImages: true, codes, warnings: [] };
}

async function fromUsage(path: string, live: Tokenizer, file: string | undefined): Promise<Evidence> {
  const isRun = (await stat(path)).isDirectory();
  if (!isRun && file === undefined) {
    throw new VqkitError(
      "run",
      `${path}: expected a run with usage.json, got a model file. Say which codes are used (options usage, images or codes).`,
    );
  }
  const run = isRun ? await RunFolder.open(path) : undefined;
  const usage = file === undefined ? await run?.readUsage() : await readUsageFile(file);
  if (usage === undefined) throw new VqkitError("run", `${path}: expected usage.json, got none.`);
  const { counts, images } = usage;
  const description = `${images} crops of ${file ?? "the run's evaluation images"}`;
  const encode = file === undefined ? await evaluationCrops(run) : undefined;
  if (encode !== undefined) {
    return { counts, description, encode, ofImages: true, codes: () => encode(live), warnings: [] };
  }
  const warnings = [
    "The images that the codes were counted on are not at hand: only decoding was compared, of each code that is left.",
  ];
  return { counts, description, encode, ofImages: false, codes: () => everyCode(live, counts), warnings };
}

/** The crops that the run was evaluated on; undefined when the files are gone. */
async function evaluationCrops(run: RunFolder | undefined): Promise<Evidence["encode"]> {
  try {
    const dataset = await datasetOf(await run?.readConfig());
    return async function* (tokenizer) {
      for await (const batch of dataset.evaluationBatches({ batchSize: 16 })) {
        const crops = Array.from({ length: batch.count }, (_, i) => imageOfBatch(batch, i));
        yield tokenizer.encode(crops.map((crop) => ({ ...crop, channels: 3 as const })));
      }
    };
  } catch (error) {
    if (error instanceof VqkitError) return undefined;
    throw error;
  }
}

/** Grids of 16 × 16, or sequences, in which every code that was used stands, the last ones filled up with the first of a codebook. */
async function* everyCode(live: Tokenizer, counts: CodeCounts): AsyncGenerator<Codes, void, undefined> {
  const { numCodebooks } = live;
  const used = Array.from({ length: numCodebooks }, (_, q) => counts.usedCodes(q).map(({ index }) => index));
  const most = Math.max(...used.map(({ length }) => length));
  const side = live.imageSide ?? 16 * live.downsamplingFactor;
  const [rows, columns] = live.scales === undefined ? [16, 16] : [1, sequenceLength(live.scales)];
  for (let start = 0; start < most; start += rows * columns) {
    yield {
      indices: Uint32Array.from({ length: rows * columns * numCodebooks }, (_, i) => {
        const own = used[i % numCodebooks] ?? [];
        return own[start + Math.floor(i / numCodebooks)] ?? (own[0] as number);
      }),
      shape: [1, rows, columns, numCodebooks],
      codebookSize: live.codebookSize,
      images: [{ name: `codes from ${start}`, width: side, height: side }],
      fingerprint: live.fingerprint,
      ...scalesOf(live),
    };
  }
}

function checkCounts(counts: CodeCounts, { codebookSize, numCodebooks }: Tokenizer): void {
  if (counts.codebookSize !== codebookSize || counts.numCodebooks !== numCodebooks) {
    throw new VqkitError(
      "codes",
      `usage: expected counts of ${numCodebooks} codebooks of ${codebookSize} codes, got ${counts.numCodebooks} of ${counts.codebookSize}. They are another model's.`,
    );
  }
  if (counts.used() === 0) {
    throw new VqkitError(
      "codes",
      "usage: expected at least one code in use, got none. Count on some images.",
    );
  }
}
