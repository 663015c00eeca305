/** What codes hold, whatever format they are in: the fields that manifests and files that stand alone have in common. */
import { z } from "zod";
import { VqkitError } from "../../core/errors.js";
import { formatError, type JsonObject } from "../../files/index.js";
import { sequenceLength } from "../codes.js";

/** Whose codes they are. */
export interface CodeKind {
  /** `Tokenizer.fingerprint` of the model that made the codes. */
  readonly fingerprint: string;
  /** K: every index is in 0..K-1. */
  readonly codebookSize: number;
  /** Q. */
  readonly numCodebooks: number;
  /** As `scales` of `Codes`: of codes that are a sequence. */
  readonly scales?: readonly number[];
}

/** A size of latent grid, and how many entries have it. */
export interface CodeGrid {
  readonly gridHeight: number;
  readonly gridWidth: number;
  readonly entries: number;
}

/** A file of a folder of codes. */
export interface CodeFile {
  readonly file: string;
  readonly bytes: number;
}

export interface CodeContents extends CodeKind {
  /** What has a grid of indices of its own: an image, or one tile of one with the size policy `tile`. */
  readonly entries: number;
  /** Every size of latent grid, in the order in which they first occur. */
  readonly grids: readonly CodeGrid[];
  /** All files but the manifest; none for a single file without a folder, or for codes that version 0.1 wrote. */
  readonly files: readonly CodeFile[];
  /** How images became codes, as the writer was told. */
  readonly settings: JsonObject;
}

/** Usage is counted in a table for each. */
const MAX_CODEBOOKS = 65_536;

/** Of a scale's grid: its square, and sums of squares, stay exact. */
const MAX_SIDE = 65_536;

const whole = z.int().min(1);

export const kindSchema = z.object({
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits"),
  codebookSize: whole.max(2 ** 32),
  numCodebooks: whole.max(MAX_CODEBOOKS),
  scales: z.array(whole.max(MAX_SIDE)).min(1).readonly().exactOptional(),
});

export const contentsSchema = kindSchema.extend({
  entries: whole,
  grids: z.array(z.object({ gridHeight: whole, gridWidth: whole, entries: whole })).min(1),
  files: z.array(z.object({ file: z.string(), bytes: whole })),
  settings: z.record(z.string(), z.json()).default({}),
});

/** Versions 1 and 2 said `images` for `entries`. */
const earlierGrids = z
  .array(
    z
      .object({ gridHeight: whole, gridWidth: whole, images: whole })
      .transform(({ images: entries, ...size }): CodeGrid => ({ ...size, entries })),
  )
  .min(1);

/** In version 1 there was only `npy`, whose stacks were listed. */
export const contentsSchema1 = kindSchema.extend({ images: whole, stacks: earlierGrids }).transform(
  ({ images: entries, stacks: grids, ...kind }): CodeContents => ({
    ...kind,
    entries,
    grids,
    files: [],
    settings: {},
  }),
);

export const contentsSchema2 = contentsSchema
  .omit({ entries: true, grids: true })
  .extend({ images: whole, grids: earlierGrids })
  .transform(({ images: entries, ...rest }): CodeContents => ({ ...rest, entries }));

/** @throws VqkitError("format") when the grids contradict one another, the scales, or the number of entries */
export function checkGrids({
  grids,
  entries,
  scales,
}: Pick<CodeContents, "grids" | "entries" | "scales">): void {
  const sizes = new Set<string>();
  const sequence = scales === undefined ? undefined : `1×${sequenceLength(scales)}`;
  for (const [i, { gridHeight, gridWidth }] of grids.entries()) {
    const size = `${gridHeight}×${gridWidth}`;
    if (sequence !== undefined && size !== sequence) {
      throw formatError(`grids[${i}]`, `expected ${sequence}, as the scales are, got ${size}.`);
    }
    if (sizes.has(size)) throw formatError(`grids[${i}]`, `expected ${size} once, got it again.`);
    sizes.add(size);
  }
  const total = grids.reduce((sum, grid) => sum + grid.entries, 0);
  if (total === entries) return;
  throw formatError("entries", `expected ${total}, as the grids have together, got ${entries}.`);
}

/** Counts entries by their latent grids, in the order in which these first occur. */
export class GridCounts {
  readonly #grids = new Map<string, CodeGrid>();

  constructor(grids: readonly CodeGrid[] = []) {
    for (const grid of grids) this.add(grid);
  }

  add({ gridHeight, gridWidth, entries }: CodeGrid): void {
    const key = `${gridHeight}x${gridWidth}`;
    const before = this.#grids.get(key)?.entries ?? 0;
    this.#grids.set(key, { gridHeight, gridWidth, entries: before + entries });
  }

  grids(): CodeGrid[] {
    return [...this.#grids.values()];
  }
}

/**
 * A file that stands alone says itself whose codes it has: that must be what the folder's manifest says.
 *
 * @throws VqkitError("format") naming the file and the field
 */
export function checkSameContents(
  path: string,
  { found, expected }: { readonly found: CodeContents; readonly expected: CodeContents },
): void {
  for (const key of ["fingerprint", "codebookSize", "numCodebooks", "entries"] as const) {
    if (expected[key] === found[key]) continue;
    throw formatError(path, `expected ${key} ${expected[key]} as in the manifest, got ${found[key]}.`);
  }
  const [inManifest = "none", inFile = "none"] = [expected.scales?.join(), found.scales?.join()];
  if (inManifest === inFile) return;
  throw formatError(path, `expected scales ${inManifest} as in the manifest, got ${inFile}.`);
}

/** A file is no flag: the command line must not call what is wrong in it wrong usage. */
export function asFormatError(error: unknown, where: string): unknown {
  return error instanceof VqkitError ? formatError(where, error.message) : error;
}
