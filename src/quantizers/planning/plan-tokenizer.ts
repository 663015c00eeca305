/** From a budget of bits to quantizers that fit it, with what each costs and what a data set can show of it. */
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { ConfigError } from "../../core/errors.js";
import { expectedUniformUsage } from "../../metrics/index.js";
import { planLevels } from "../levels.js";
import { MAX_IMPLICIT_SIZE } from "../mixed-radix.js";
import type { QuantizerConfig } from "../quantizer.js";
import { parseQuantizerConfig } from "../registry.js";

/** The most codes of a codebook that any quantizer here takes. */
const LARGEST = MAX_IMPLICIT_SIZE;

/** Below this many draws a code, a uniform source leaves codes out: at 5 it shows 99.3 % of them. */
const ENOUGH_DRAWS = 5;

const side = z.int().min(1);
const schema = z.strictObject({
  imageSize: z.union([side, z.tuple([side, side])]),
  downsamplingFactor: side,
  bitsPerImage: z.number().positive().optional(),
  bitsPerPixel: z.number().positive().optional(),
  codebookSize: z.int().min(2).max(LARGEST).optional(),
  images: z.int().min(1).nullable().default(null),
  codebooks: z.array(z.int().min(1).max(64)).min(1).default([1, 2, 4]),
  scales: z.array(side).min(1).optional(),
});

/** What is known of a tokenizer before there is one. Of the three budgets give one. */
export interface PlanRequest {
  /** Pixels of an image: its side, or [height, width]. */
  readonly imageSize: number | readonly [height: number, width: number];
  /** Image side / side of the latent grid. */
  readonly downsamplingFactor: number;
  /** At most so many bits for the codes of an image, each code at log2 K. */
  readonly bitsPerImage?: number;
  /** The same over the image's pixels. */
  readonly bitsPerPixel?: number;
  /** K of one code a position: log2 K bits for each. */
  readonly codebookSize?: number;
  /** Images of the data set, for what of a codebook they can show; null (the default) leaves it out. */
  readonly images?: number | null;
  /** Numbers of codebooks (Q) to plan for; default 1, 2 and 4. */
  readonly codebooks?: readonly number[];
  /** Sides of square grids, ascending, the last that of the latent grid: plans a sequence of these too (`multi-scale`). */
  readonly scales?: readonly number[];
}

/** A quantizer that fits the budget. JSON. */
export interface PlannedQuantizer {
  /** What `train` takes, as far as the plan goes. */
  readonly quantizer: QuantizerConfig;
  /** Q: codes of a position. */
  readonly numCodebooks: number;
  /** K of each codebook: exact, for levels their product. */
  readonly codebookSize: number;
  /** The size that levels were sought for; null where the size is the quantizer's own. */
  readonly nominalCodebookSize: number | null;
  /** Of a grid: how many values each dimension takes, and log2 of each. Their sum is `bitsPerCode`. */
  readonly levels: readonly number[] | null;
  readonly levelBits: readonly number[] | null;
  /** Codes of an image: positions × Q; of scales the sum of their squares. */
  readonly codesPerImage: number;
  /** log2 K: what a code carries where all are equally likely, and never more. */
  readonly bitsPerCode: number;
  readonly bitsPerImage: number;
  readonly bitsPerPixel: number;
  /** ⌈log2 K⌉ bits a code, each image in whole bytes: format `packed` without names and sizes. For a million images. */
  readonly packedBytesPerMillion: number;
  /** 2 bytes a code up to K = 65,536, then 4: format `npy`. For a million images. */
  readonly npyBytesPerMillion: number;
  /** Codes of each codebook that the data set draws, N = images × positions, over K; null without a data set. */
  readonly drawsPerCode: number | null;
  /** 1 − (1 − 1/K)^N: the usage that a uniform source would show. */
  readonly expectedUsage: number | null;
}

/** What `planTokenizer` gives. JSON. */
export interface TokenizerPlan {
  readonly imageHeight: number;
  readonly imageWidth: number;
  readonly gridHeight: number;
  readonly gridWidth: number;
  /** Positions of the latent grid: tokens of an image with one code a position. */
  readonly positions: number;
  /** The budget for an image, in bits. */
  readonly budgetBits: number;
  readonly images: number | null;
  readonly candidates: readonly PlannedQuantizer[];
  /** What to know before comparing them; one sentence each. */
  readonly advice: readonly string[];
}

/**
 * Quantizers within a budget: for each number of codebooks a table and a grid of levels (FSQ, residual FSQ), and a table
 * of the grid's exact size, which is what to compare the grid with; with `scales` a sequence of grids besides.
 *
 * @throws ConfigError for a request without a budget or with several, and a budget below 1 bit or above 24 bits a code
 */
export function planTokenizer(request: PlanRequest): TokenizerPlan {
  const { imageSize, downsamplingFactor, images, codebooks, scales, ...budgets } = parseConfig(
    schema,
    request,
    "",
  );
  const [imageHeight, imageWidth] = typeof imageSize === "number" ? [imageSize, imageSize] : imageSize;
  const gridHeight = Math.ceil(imageHeight / downsamplingFactor);
  const gridWidth = Math.ceil(imageWidth / downsamplingFactor);
  const positions = gridHeight * gridWidth;
  const pixels = imageHeight * imageWidth;
  const bitsPerPosition = positionBits(budgets, { positions, pixels });
  const place: Place = { positions, pixels, images };
  const counts = [...new Set(codebooks)].sort((a, b) => a - b);
  const sizes = counts.map((count) => [count, largestSize(bitsPerPosition / count)] as const);
  const candidates = sizes.flatMap(([count, size]) =>
    size < 2 || size > LARGEST ? [] : candidatesOf(count, size, place),
  );
  if (candidates.length === 0) throw outOfReach(sizes, bitsPerPosition);
  if (scales !== undefined) {
    candidates.push(sequence({ scales, gridHeight, gridWidth, bits: bitsPerPosition * positions }, place));
  }
  return {
    imageHeight,
    imageWidth,
    gridHeight,
    gridWidth,
    positions,
    budgetBits: bitsPerPosition * positions,
    images,
    candidates,
    advice: adviceOn(candidates, sizes, place),
  };
}

interface Place {
  readonly positions: number;
  readonly pixels: number;
  readonly images: number | null;
}

function positionBits(budgets: object, { positions, pixels }: Pick<Place, "positions" | "pixels">): number {
  const given = Object.entries(budgets).filter(([, value]) => value !== undefined);
  const [first, second] = given;
  const names = "bitsPerImage, bitsPerPixel or codebookSize";
  if (first === undefined) throw new ConfigError("", `expected a budget, ${names}, got none.`);
  if (second !== undefined) {
    throw new ConfigError(second[0], `expected one budget, ${names}, got ${first[0]} too. Remove one.`);
  }
  const [name, value] = first as [string, number];
  if (name === "codebookSize") return Math.log2(value);
  return (name === "bitsPerPixel" ? value * pixels : value) / positions;
}

/** The largest K with log2 K <= `bits`; what rounding of the division took away is given back. */
function largestSize(bits: number): number {
  const size = 2 ** Math.min(bits, 1000);
  const nearest = Math.round(size);
  return Math.abs(nearest - size) < 1e-9 * size ? nearest : Math.floor(size);
}

function candidatesOf(count: number, size: number, place: Place): PlannedQuantizer[] {
  const grid = planLevels(size, { atMost: true });
  const table = (codebookSize: number): QuantizerConfig =>
    count === 1 ? { kind: "vq", codebookSize } : { kind: "residual", numQuantizers: count, codebookSize };
  const levels: QuantizerConfig =
    count === 1
      ? { kind: "fsq", levels: grid.levels }
      : { kind: "residual-fsq", levels: grid.levels, numQuantizers: count };
  const planned = [measured(table(size), { count, codebookSize: size }, place)];
  if (!isTaken(levels)) return planned;
  planned.push(
    measured(levels, { count, codebookSize: grid.codebookSize, nominal: size, levels: grid.levels }, place),
  );
  if (grid.codebookSize !== size) {
    planned.push(measured(table(grid.codebookSize), { count, codebookSize: grid.codebookSize }, place));
  }
  return planned;
}

interface SequenceRequest {
  readonly scales: readonly number[];
  readonly gridHeight: number;
  readonly gridWidth: number;
  /** Of an image. */
  readonly bits: number;
}

/** One codebook for the codes of all scales. */
function sequence(
  { scales, gridHeight, gridWidth, bits }: SequenceRequest,
  { pixels, images }: Place,
): PlannedQuantizer {
  const last = scales.at(-1) as number;
  if (gridHeight !== gridWidth || last !== gridHeight) {
    throw new ConfigError(
      "scales",
      `expected a square grid and its side last, got a grid of ${gridHeight}x${gridWidth} and ${last}. Change the image size, the factor or the scales.`,
    );
  }
  const length = scales.reduce((sum, each) => sum + each ** 2, 0);
  const codebookSize = largestSize(bits / length);
  if (codebookSize < 2 || codebookSize > LARGEST) {
    throw new ConfigError(
      "scales",
      `expected 1 to 24 bits for each of ${count(length)} codes, got ${Number((bits / length).toPrecision(4))}. Change the budget or the scales.`,
    );
  }
  const quantizer = { kind: "multi-scale", scales, codebookSize };
  parseQuantizerConfig(quantizer);
  return measured(quantizer, { count: 1, codebookSize }, { positions: length, pixels, images });
}

/** A grid within the cells of a grid can become finer than float32. */
function isTaken(config: QuantizerConfig): boolean {
  try {
    parseQuantizerConfig(config);
    return true;
  } catch (error) {
    if (error instanceof ConfigError) return false;
    throw error;
  }
}

interface Sizes {
  readonly count: number;
  readonly codebookSize: number;
  readonly nominal?: number;
  readonly levels?: readonly number[];
}

function measured(
  quantizer: QuantizerConfig,
  { count, codebookSize, nominal, levels }: Sizes,
  { positions, pixels, images }: Place,
): PlannedQuantizer {
  const codesPerImage = positions * count;
  const bitsPerCode = Math.log2(codebookSize);
  const bitsPerImage = codesPerImage * bitsPerCode;
  const draws = images === null ? null : images * positions;
  return {
    quantizer,
    numCodebooks: count,
    codebookSize,
    nominalCodebookSize: nominal ?? null,
    levels: levels ?? null,
    levelBits: levels?.map((level) => Math.log2(level)) ?? null,
    codesPerImage,
    bitsPerCode,
    bitsPerImage,
    bitsPerPixel: bitsPerImage / pixels,
    packedBytesPerMillion: 1e6 * Math.ceil((codesPerImage * Math.ceil(bitsPerCode)) / 8),
    npyBytesPerMillion: 1e6 * codesPerImage * (codebookSize <= 65_536 ? 2 : 4),
    drawsPerCode: draws === null ? null : draws / codebookSize,
    expectedUsage: draws === null ? null : expectedUniformUsage(draws, codebookSize),
  };
}

function adviceOn(
  candidates: readonly PlannedQuantizer[],
  sizes: readonly (readonly [count: number, size: number])[],
  { images, positions }: Place,
): string[] {
  const advice: string[] = [];
  for (const each of candidates) {
    const { levels, codebookSize, nominalCodebookSize, quantizer, numCodebooks } = each;
    if (levels === null || nominalCodebookSize === codebookSize) continue;
    const table = numCodebooks === 1 ? "vq" : `residual of ${numCodebooks}`;
    advice.push(
      `Matched size: compare ${quantizer.kind} [${levels.join(",")}], which has ${count(codebookSize)} codes, with ${table} at ${count(codebookSize)} codes, and say both numbers: it stands for a nominal ${count(nominalCodebookSize ?? 0)}.`,
    );
  }
  if (new Set(candidates.map(({ numCodebooks }) => numCodebooks)).size > 1) {
    advice.push(
      "Matched rate: quantizers with other numbers of codebooks are comparable at equal bits per pixel, not at equal codebook size; a model of the codes has as many more codes to predict.",
    );
  }
  for (const [codebooks, size] of sizes) {
    if (size < 2) advice.push(`${codebooks} codebooks leave less than 1 bit for a code: left out.`);
    if (size > LARGEST) {
      advice.push(
        `${codebooks === 1 ? "1 codebook" : `${codebooks} codebooks`} would need more than 2^24 codes each: left out.`,
      );
    }
  }
  const scarce = candidates.filter(
    ({ drawsPerCode }) => drawsPerCode !== null && drawsPerCode < ENOUGH_DRAWS,
  );
  const worst = Math.max(...scarce.map(({ codebookSize }) => codebookSize));
  if (images !== null && scarce.length > 0) {
    const most = Math.max(1, Math.floor((images * positions) / ENOUGH_DRAWS));
    advice.push(
      `${count(images)} images have ${count(images * positions)} positions: of ${count(worst)} codes even a uniform source shows ${(100 * expectedUniformUsage(images * positions, worst)).toFixed(1)} %. Up to ${count(most)} codes each is drawn ${ENOUGH_DRAWS} times on average.`,
    );
  }
  return advice;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

function outOfReach(sizes: readonly (readonly [number, number])[], bits: number): ConfigError {
  const isSmall = sizes.every(([, size]) => size < 2);
  const range = isSmall ? "at least 1 bit" : "at most 24 bits";
  const next = isSmall ? "Allow more bits, or a larger downsampling factor" : "Plan for more codebooks";
  return new ConfigError(
    "budget",
    `expected ${range} for a code, got ${Number(bits.toPrecision(4))} bits a position for ${sizes.map(([codebooks]) => codebooks).join(", ")} codes. ${next}.`,
  );
}
