import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { readJsonFile } from "../../files/index.js";
import type { Codes } from "../../tokenizer/index.js";
import { indexArray } from "../../tokenizer/index.js";

const side = z.object({ fingerprint: z.string().min(1), codebookSize: z.int().min(1) });
const list = z.array(z.int().min(0));
const fields = { format: z.literal("vqkit-remapping"), from: side, to: side };
const schema = z.discriminatedUnion("formatVersion", [
  // Version 1 knew one codebook.
  z.object({ ...fields, formatVersion: z.literal(1), earlierIndices: list }),
  z.object({ ...fields, formatVersion: z.literal(2), earlierIndices: z.array(list).min(1) }),
]);

/** Which codes of a model are left in the pruned one; what remapping.json holds. */
export interface Remapping {
  readonly format: "vqkit-remapping";
  readonly formatVersion: 2;
  /** The model before pruning, and after it. */
  readonly from: RemappedModel;
  readonly to: RemappedModel;
  /** Of each codebook: entry i is the earlier index of code i; ascending. */
  readonly earlierIndices: readonly (readonly number[])[];
}

/** One side of a remapping. */
export interface RemappedModel {
  readonly fingerprint: string;
  readonly codebookSize: number;
}

/** @throws VqkitError("format") for another file, or one that contradicts itself; VqkitError("file") */
export async function readRemapping(path: string): Promise<Remapping> {
  const value = await readJsonFile(path);
  try {
    const parsed = parseConfig(schema, value, "");
    const remapping: Remapping =
      parsed.formatVersion === 2
        ? parsed
        : { ...parsed, formatVersion: 2, earlierIndices: [parsed.earlierIndices] };
    checkConsistent(remapping);
    return remapping;
  } catch (error) {
    if (!(error instanceof VqkitError)) throw error;
    throw new VqkitError("format", `${path}: ${error.message}`, { cause: error });
  }
}

/**
 * Codes of the model before pruning as codes of the pruned model: the same images, pixel for pixel.
 *
 * @throws VqkitError("codes") for codes of another model, and for a code that is no longer there
 */
export function remapCodes(codes: Codes, remapping: Remapping): Codes {
  const { from, to } = remapping;
  if (codes.fingerprint !== from.fingerprint) {
    throw new VqkitError(
      "codes",
      `codes: expected those of model ${from.fingerprint.slice(0, 12)}, got those of model ${codes.fingerprint.slice(0, 12)}. ` +
        "The remapping belongs to the model that was pruned.",
    );
  }
  const numCodebooks = codes.shape[3];
  if (numCodebooks !== remapping.earlierIndices.length) {
    throw new VqkitError(
      "codes",
      `codes: expected ${remapping.earlierIndices.length} codebooks, as the remapping has, got ${numCodebooks}.`,
    );
  }
  const tables = newIndices(remapping);
  const indices = indexArray(to.codebookSize, codes.indices.length);
  for (let i = 0; i < indices.length; i++) {
    const index = tables[i % numCodebooks]?.[codes.indices[i] as number] as number;
    if (index < 0) {
      throw new VqkitError(
        "codes",
        `codes.indices[${i}]: expected a code that was kept, got ${codes.indices[i]}, which was pruned. Encode the image anew, or prune by images that use it.`,
      );
    }
    indices[i] = index;
  }
  return { ...codes, indices, codebookSize: to.codebookSize, fingerprint: to.fingerprint };
}

/** Of each codebook the index after pruning of each index before it; -1 for what is gone. */
function newIndices({ from, earlierIndices }: Remapping): Int32Array[] {
  return earlierIndices.map((kept) => {
    const table = new Int32Array(from.codebookSize).fill(-1);
    for (const [index, earlier] of kept.entries()) table[earlier] = index;
    return table;
  });
}

function checkConsistent({ from, to, earlierIndices }: Remapping): void {
  for (const [codebook, kept] of earlierIndices.entries()) {
    const isAscending = kept.every((index, i) => i === 0 || index > (kept[i - 1] as number));
    const last = kept.at(-1) ?? 0;
    if (kept.length === to.codebookSize && isAscending && last < from.codebookSize) continue;
    throw new VqkitError(
      "format",
      `earlierIndices[${codebook}]: expected ${to.codebookSize} ascending indices below ${from.codebookSize}, got other ones.`,
    );
  }
}
