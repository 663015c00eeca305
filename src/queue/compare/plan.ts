import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { isObject, textsIn } from "../../core/objects.js";
import type { FoundFiles, SourceFile } from "../../data/index.js";
import {
  formatError,
  type JsonObject,
  makeFolder,
  parseJson,
  readWhole,
  writeJsonFile,
} from "../../files/index.js";
import type { TrainingWork } from "../computing/train.js";
import { readImageList, writeImageList } from "../image-list.js";
import type { SharedFolder } from "../shared-folder.js";

const PLAN_FILE = "plan.json";
const FORMAT = { format: "vqkit-training-plan", formatVersion: 1 } as const;
const MAX_BYTES = 2 ** 28;

const jsonObject = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>;
const brokenSchema = z.strictObject({
  file: z.string(),
  reason: z.string(),
  isFolder: z.literal(true).exactOptional(),
});

const planSchema = z.object({
  format: z.literal(FORMAT.format),
  formatVersion: z.literal(FORMAT.formatVersion),
  /** One run a piece. */
  runs: z
    .array(
      z.strictObject({
        /** Of its folder. */
        name: z.string().min(1),
        /** As its folder keeps it. */
        config: jsonObject,
        /** In its place already: nothing is left to do. */
        isDone: z.boolean(),
      }),
    )
    .min(1),
  /** SHA-256 of images.jsonl. */
  imagesDigest: z.string(),
  unusable: z.array(brokenSchema),
  /** Threads inside one operator, as the submitter's machine has them. */
  threads: z.int().min(1),
  /** Files that the configurations name, and their names in the shared folder. */
  places: z.record(z.string(), z.string()),
});

/** What a comparison is to train, for all its runs alike. */
export type TrainingPlan = Omit<z.output<typeof planSchema>, keyof typeof FORMAT>;

/** The same runs have the same id, whoever trains them, on whatever images they are. */
export function trainingPlanId(configs: readonly JsonObject[]): string {
  const text = JSON.stringify({ kind: "compare", configs }, sortedKeys);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** For `JSON.stringify`: objects that differ in the order of their fields alone are the same. */
function sortedKeys(_: string, value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Writes a plan, whole: its description comes last.
 *
 * @returns its digest, by which workers know it
 * @throws VqkitError("file")
 */
export async function writeTrainingPlan(
  dir: string,
  plan: TrainingPlan,
  lines: readonly string[],
): Promise<string> {
  await makeFolder(dir);
  await writeImageList(dir, { lines });
  await writeJsonFile(path.join(dir, PLAN_FILE), { ...FORMAT, ...plan } as unknown as JsonObject);
  return (await readBytes(dir)).digest;
}

/** The digest of the images of a plan that an earlier submitter left; undefined where there is none that can be read. */
export async function plannedImages(dir: string): Promise<string | undefined> {
  if (!existsSync(path.join(dir, PLAN_FILE))) return undefined;
  return (await readPlan(dir).catch(() => undefined))?.plan.imagesDigest;
}

async function readBytes(dir: string): Promise<{ readonly bytes: Uint8Array; readonly digest: string }> {
  const bytes = await readWhole(path.join(dir, PLAN_FILE), MAX_BYTES);
  return { bytes, digest: createHash("sha256").update(bytes).digest("hex") };
}

async function readPlan(dir: string): Promise<{ readonly plan: TrainingPlan; readonly digest: string }> {
  const file = path.join(dir, PLAN_FILE);
  const { bytes, digest } = await readBytes(dir);
  try {
    const { format: _, formatVersion: __, ...plan } = parseConfig(planSchema, parseJson(bytes, file), "");
    return { plan, digest };
  } catch (error) {
    // A file is no flag: the command line must not call this wrong usage.
    throw error instanceof VqkitError ? formatError(file, error.message) : error;
  }
}

/** A plan as workers read it. */
export class TrainingPlanReader {
  readonly plan: TrainingPlan;
  readonly digest: string;
  readonly #shared: SharedFolder;
  readonly #images: Pick<FoundFiles, "files" | "unusable">;

  private constructor(
    { plan, digest }: { readonly plan: TrainingPlan; readonly digest: string },
    shared: SharedFolder,
    files: readonly SourceFile[],
  ) {
    this.plan = plan;
    this.digest = digest;
    this.#shared = shared;
    const unusable = plan.unusable.map((each) => ({ ...each, file: shared.pathOf(each.file) }));
    this.#images = { files, unusable };
  }

  /** @throws VqkitError("queue") for a name that leads out of the shared folder; VqkitError("format" | "file") */
  static async open(dir: string, shared: SharedFolder): Promise<TrainingPlanReader> {
    const read = await readPlan(dir);
    const files = await readImageList(dir, read.plan.imagesDigest, shared);
    return new TrainingPlanReader(read, shared, files);
  }

  /**
   * What a run's training is, with everything where it lies on this machine.
   *
   * @param dir the run folder that is trained in
   * @param threads of this machine, where machines may differ and the run does not say
   * @throws VqkitError("queue") for a configuration that names files which the plan does not place; VqkitError("format")
   */
  training(
    piece: number,
    { dir, threads }: { readonly dir: string; readonly threads?: number | undefined },
  ): TrainingWork {
    const run = this.plan.runs[piece];
    if (run === undefined) throw new VqkitError("queue", `queue: expected a run of the plan, got ${piece}.`);
    const places = Object.entries(this.plan.places).map(
      ([name, place]) => [name, this.#shared.pathOf(place)] as const,
    );
    checkPlaced(run.config, new Set(Object.keys(this.plan.places)));
    const own = run.config.threads;
    return {
      ...{ dir, config: run.config, ...this.#images, places },
      threads: typeof own === "number" ? own : (threads ?? this.plan.threads),
    };
  }
}

/** A plan must not make a worker read files outside of the shared folder. */
function checkPlaced({ objectives, from }: JsonObject, placed: ReadonlySet<string>): void {
  const source = typeof from === "object" && from !== null ? [(from as JsonObject).model] : [];
  for (const text of [...textsIn(objectives), ...source.map(String)]) {
    if (placed.has(text) || !existsSync(path.resolve(text))) continue;
    throw new VqkitError(
      "queue",
      `queue: expected files in the shared folder alone, got ${JSON.stringify(text.slice(0, 200))} in a configuration.`,
    );
  }
}

/**
 * The files that configurations name, by what they are called there.
 *
 * @throws ConfigError at `shared` for one outside of the shared folder
 */
export function placesOf(configs: readonly JsonObject[], shared: SharedFolder): Record<string, string> {
  const texts = configs.flatMap(({ objectives, from }) => [
    ...textsIn(objectives).filter((text) => existsSync(path.resolve(text))),
    ...(typeof from === "object" && from !== null ? [String((from as JsonObject).model)] : []),
  ]);
  return Object.fromEntries([...new Set(texts)].map((text) => [text, shared.nameOf(text)]));
}
