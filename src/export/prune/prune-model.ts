import path from "node:path";
import type { EngineOptions } from "../../backend/index.js";
import { VqkitError } from "../../core/errors.js";
import { type JsonObject, OutputFolder, writeJsonFile } from "../../files/index.js";
import { originFields, RunFolder } from "../../runs/index.js";
import { beginsImage, type Codes, type LoadedModel, loadModel, Tokenizer } from "../../tokenizer/index.js";
import { modelFacts } from "../model-facts.js";
import type { OutputOptions } from "../output-options.js";
import { type Evidence, gatherEvidence, type PruneEvidence } from "./evidence.js";
import { checkPrunable, withCodes } from "./kept-codes.js";
import { type Remapping, remapCodes } from "./remapping.js";

export interface PruneOptions extends OutputOptions, EngineOptions {
  /** What shows which codes are used; by default the run's usage.json. */
  readonly evidence?: PruneEvidence;
}

/** What was compared before anything was written: all of it equal. */
export interface PruneProof {
  /** 0 where there were none, but grids in which every code that is left stands. */
  readonly images: number;
  readonly indices: number;
  /** Whether images were encoded by both models, or their codes decoded only. */
  readonly encoded: boolean;
}

/** What `pruneModel` wrote. */
export interface PruneResult {
  readonly dir: string;
  /** K before and after. */
  readonly codebookSize: { readonly before: number; readonly after: number };
  /** What the codes were counted on. */
  readonly countedOn: string;
  readonly proof: PruneProof;
  /** What a person should know; one sentence each. */
  readonly warnings: readonly string[];
}

/**
 * Writes a model without the codes that were never used, and how its indices follow from the earlier ones: config.json
 * and model.safetensors, which load as a run does, and remapping.json.
 *
 * Before anything appears, the material that the codes were counted on is encoded and decoded by both models: indices
 * have to be the remapped ones, and pixels equal byte for byte. Other images may have chosen a code that is gone; they
 * get the nearest of those that are left.
 *
 * @param source a run folder, or a model file (`model.safetensors`)
 * @throws VqkitError("codes") for a quantizer without a table (FSQ) and when every code is used; VqkitError("numerics")
 * when the models do not agree; ConfigError at `out`
 */
export async function pruneModel(source: string, options: PruneOptions): Promise<PruneResult> {
  return OutputFolder.fill(options.out, options, (folder) => pruneInto(folder, source, options));
}

async function pruneInto(
  { dir, staging }: OutputFolder,
  source: string,
  options: PruneOptions,
): Promise<PruneResult> {
  const loaded = await loadModel(source, options);
  const live = await Tokenizer.from(loaded);
  try {
    checkPrunable(loaded.model); // before images are encoded
    const evidence = await gatherEvidence(source, live, options.evidence ?? {});
    const kept = keptCodes(evidence, live);
    await writeSmaller(loaded, { source, folder: staging, kept });
    const { remapping, proof } = await prove(live, staging, { kept, evidence });
    await writeJsonFile(path.join(staging, "remapping.json"), remapping);
    return {
      dir,
      codebookSize: { before: live.codebookSize, after: kept[0]?.length ?? 0 },
      countedOn: evidence.description,
      proof,
      warnings: evidence.warnings,
    };
  } finally {
    live.dispose();
  }
}

/**
 * The codes that stay, of each codebook. All codebooks have one size: the smaller ones are filled up, by their first
 * codes that were never used, to as many as the codebook with the most codes in use.
 */
function keptCodes(
  { counts, description }: Evidence,
  { codebookSize, numCodebooks }: Pick<Tokenizer, "codebookSize" | "numCodebooks">,
): number[][] {
  const used = Array.from({ length: numCodebooks }, (_, q) => counts.usedCodes(q).map(({ index }) => index));
  const size = Math.max(...used.map(({ length }) => length));
  if (size < codebookSize) return used.map((codes) => filledUp(codes, size));
  const which = numCodebooks === 1 ? "" : ` of codebook ${used.findIndex(({ length }) => length === size)}`;
  throw new VqkitError(
    "codes",
    `usage: expected codes that are never used, got all ${codebookSize}${which} in use on ${description}. There is nothing to prune.`,
  );
}

/** Codes, and the lowest others until there are `size` of them; ascending. */
function filledUp(codes: readonly number[], size: number): number[] {
  const kept = new Set(codes);
  for (let index = 0; kept.size < size; index++) kept.add(index);
  return [...kept].sort((a, b) => a - b);
}

/** config.json and model.safetensors with the codes at `kept`, into `folder`. */
async function writeSmaller(
  loaded: LoadedModel,
  {
    source,
    folder,
    kept,
  }: { readonly source: string; readonly folder: string; readonly kept: readonly (readonly number[])[] },
): Promise<void> {
  const { quantizer, weights } = await withCodes(loaded.model, kept);
  const { run, model, origin } = await modelFacts(source, loaded);
  const from = originFields(origin);
  const config = JSON.parse(JSON.stringify({ ...from, ...run, model, quantizer })) as JsonObject;
  const target = await RunFolder.create(folder);
  await target.writeConfig(config);
  await target.writeModel({
    weights: new Map([...weights].map(([name, value]) => [name, { dtype: "F32", ...value }])),
    config: { model: config.model as JsonObject, quantizer: config.quantizer as JsonObject, ...from },
  });
}

/** Loads the pruned model and holds it against the live one. */
async function prove(
  live: Tokenizer,
  folder: string,
  { kept, evidence }: { readonly kept: readonly (readonly number[])[]; readonly evidence: Evidence },
): Promise<{ readonly remapping: Remapping; readonly proof: PruneProof }> {
  const pruned = await Tokenizer.load(folder);
  try {
    const remapping: Remapping = {
      format: "vqkit-remapping",
      formatVersion: 2,
      from: { fingerprint: live.fingerprint, codebookSize: live.codebookSize },
      to: { fingerprint: pruned.fingerprint, codebookSize: pruned.codebookSize },
      earlierIndices: kept,
    };
    let images = 0;
    let indices = 0;
    const encodedAnew = evidence.encode?.(pruned);
    for await (const codes of evidence.codes()) {
      const expected = remapCodes(codes, remapping);
      const next = await encodedAnew?.next();
      if (next !== undefined) checkIndices(next.done ? undefined : next.value, expected);
      await checkPixels([live, codes], [pruned, expected]);
      if (evidence.ofImages) images += codes.images.filter(beginsImage).length;
      indices += codes.indices.length;
    }
    return { remapping, proof: { images, indices, encoded: encodedAnew !== undefined } };
  } finally {
    pruned.dispose();
  }
}

function checkIndices(got: Codes | undefined, expected: Codes): void {
  if (got === undefined) {
    throw new VqkitError(
      "numerics",
      `pruned model: expected ${expected.images[0]?.name} once more, got the end of the images. Nothing was written.`,
    );
  }
  let different = 0;
  for (const [i, index] of got.indices.entries()) if (index !== expected.indices[i]) different++;
  if (different === 0 && got.indices.length === expected.indices.length) return;
  throw new VqkitError(
    "numerics",
    `pruned model: expected the remapped indices, got ${different} of ${got.indices.length} that differ, ` +
      `first in ${got.images[0]?.name} or the images after it. Nothing was written.`,
  );
}

async function checkPixels(
  [live, codes]: readonly [Tokenizer, Codes],
  [pruned, remapped]: readonly [Tokenizer, Codes],
): Promise<void> {
  const before = await live.decodeBatch(withoutTiles(codes));
  const after = await pruned.decodeBatch(withoutTiles(remapped));
  for (const [i, image] of before.entries()) {
    if (Buffer.compare(image.pixels, after[i]?.pixels ?? new Uint8Array()) === 0) continue;
    throw new VqkitError(
      "numerics",
      `pruned model: expected the same pixels for ${image.name}, got other ones. Nothing was written.`,
    );
  }
}

/** Each tile as an image: a batch need not hold all tiles of one, and equal tiles make equal images. */
function withoutTiles(codes: Codes): Codes {
  return { ...codes, images: codes.images.map(({ name, width, height }) => ({ name, width, height })) };
}
