import { createHash } from "node:crypto";
import path from "node:path";
import { z } from "zod";
import { deviceNames, engineNames } from "../../backend/index.js";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { type DataConfig, dataConfigSchema, type SourceFile } from "../../data/index.js";
import {
  formatError,
  type JsonObject,
  makeFolder,
  parseJson,
  readWhole,
  writeJsonFile,
} from "../../files/index.js";
import { reconstructionLossSchema } from "../../losses/index.js";
import type { EvaluationWork, NetworkFiles } from "../computing/evaluate.js";
import { type ImageList, readImageList, writeImageList } from "../image-list.js";
import type { SharedFolder } from "../shared-folder.js";

const PLAN_FILE = "plan.json";
const FORMAT = { format: "vqkit-evaluation-plan", formatVersion: 1 } as const;
const MAX_BYTES = 2 ** 28;

const digest = z.string().regex(/^[0-9a-f]{64}$/);
const jsonObject = z.record(z.string(), z.json()) as unknown as z.ZodType<JsonObject>;
const fileSchema = z.strictObject({ place: z.string().min(1), sha256: digest });

const planSchema = z.object({
  format: z.literal(FORMAT.format),
  formatVersion: z.literal(FORMAT.formatVersion),
  pieces: z.int().min(1),
  /** Images in a piece. */
  imagesPerPart: z.int().min(1),
  /** How many there are. */
  images: z.int().min(1),
  /** SHA-256 of images.jsonl. */
  imagesDigest: digest,
  /** Each by its fingerprint, with its name in the shared folder; null where it lies elsewhere. */
  models: z.array(z.strictObject({ fingerprint: digest, place: z.string().min(1).nullable() })).min(1),
  networks: z.strictObject({
    lpips: z
      .strictObject({
        kind: z.string().nullable(),
        place: z.string().min(1),
        heads: z.string().min(1).nullable(),
        sha256: digest,
      })
      .exactOptional(),
    fid: fileSchema.exactOptional(),
    fidReference: fileSchema.exactOptional(),
  }),
  /** How images are cut. */
  data: jsonObject,
  loss: jsonObject,
  batchSize: z.int().min(1),
  engine: z.strictObject({
    engine: z.enum(["auto", ...engineNames]),
    device: z.enum(deviceNames),
    threads: z.int().min(1),
  }),
});

/** What an evaluation is to measure, for all its pieces alike. */
export type EvaluationPlan = Omit<z.output<typeof planSchema>, keyof typeof FORMAT>;

/** What decides the figures: the same work has the same id. */
export function evaluationPlanId({ models, ...plan }: EvaluationPlan): string {
  const text = JSON.stringify({ ...plan, models: models.map(({ fingerprint }) => fingerprint) });
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

/** Writes a plan, whole: its description comes last. @returns its digest, by which workers know it @throws VqkitError("file") */
export async function writeEvaluationPlan(
  dir: string,
  plan: EvaluationPlan,
  images: ImageList,
): Promise<string> {
  await makeFolder(dir);
  await writeImageList(dir, images);
  await writeJsonFile(path.join(dir, PLAN_FILE), { ...FORMAT, ...plan } as unknown as JsonObject);
  return (await readBytes(dir)).digest;
}

async function readBytes(dir: string): Promise<{ readonly bytes: Uint8Array; readonly digest: string }> {
  const bytes = await readWhole(path.join(dir, PLAN_FILE), MAX_BYTES);
  return { bytes, digest: createHash("sha256").update(bytes).digest("hex") };
}

/** A file is no flag: the command line must not call this wrong usage. */
function planIn(bytes: Uint8Array, file: string): EvaluationPlan {
  try {
    const { format: _, formatVersion: __, ...plan } = parseConfig(planSchema, parseJson(bytes, file), "");
    return plan;
  } catch (error) {
    throw error instanceof VqkitError ? formatError(file, error.message) : error;
  }
}

/** A plan as workers read it. */
export class EvaluationPlanReader {
  readonly plan: EvaluationPlan;
  readonly digest: string;
  readonly #shared: SharedFolder;
  readonly #path: string;
  readonly #files: readonly SourceFile[];

  private constructor(
    dir: string,
    { plan, digest }: { plan: EvaluationPlan; digest: string },
    { shared, files }: { readonly shared: SharedFolder; readonly files: readonly SourceFile[] },
  ) {
    this.plan = plan;
    this.digest = digest;
    this.#shared = shared;
    this.#path = path.join(dir, PLAN_FILE);
    this.#files = files;
  }

  /** @throws VqkitError("queue") for a name that leads out of the shared folder; VqkitError("format" | "file") */
  static async open(dir: string, shared: SharedFolder): Promise<EvaluationPlanReader> {
    const { bytes, digest } = await readBytes(dir);
    const plan = planIn(bytes, path.join(dir, PLAN_FILE));
    const files = await readImageList(dir, plan.imagesDigest, shared);
    return new EvaluationPlanReader(dir, { plan, digest }, { shared, files });
  }

  /** What a piece is called in messages. */
  describe(piece: number): string {
    const { imagesPerPart, images } = this.plan;
    return `images ${piece * imagesPerPart + 1} to ${Math.min(images, (piece + 1) * imagesPerPart)}`;
  }

  /**
   * What is to be measured, with everything where it lies on this machine.
   *
   * @param here models that this machine has besides, and its threads where machines may differ
   * @throws VqkitError("queue") for a name that leads out of the shared folder; VqkitError("format")
   */
  work(here: { readonly models: readonly string[]; readonly threads?: number | undefined }): EvaluationWork {
    const { plan } = this;
    const { engine } = plan;
    return {
      models: plan.models.map(({ fingerprint, place }) => ({
        fingerprint,
        paths: [...here.models, ...(place === null ? [] : [this.#shared.pathOf(place)])],
      })),
      engine: { ...engine, threads: here.threads ?? engine.threads },
      networks: this.#networks(),
      ...this.#config(),
      batchSize: plan.batchSize,
      files: this.#files,
      imagesPerPart: plan.imagesPerPart,
    };
  }

  #networks(): NetworkFiles {
    const { lpips, fid, fidReference } = this.plan.networks;
    const pathOf = (place: string): string => this.#shared.pathOf(place);
    const file = ({ place, sha256 }: { place: string; sha256: string }) => ({ path: pathOf(place), sha256 });
    const heads = lpips?.heads ?? null;
    return {
      ...(lpips === undefined
        ? {}
        : { lpips: { ...file(lpips), kind: lpips.kind, heads: heads === null ? null : pathOf(heads) } }),
      ...(fid === undefined ? {} : { fid: file(fid) }),
      ...(fidReference === undefined ? {} : { fidReference: file(fidReference) }),
    };
  }

  #config(): Pick<EvaluationWork, "data" | "loss"> {
    try {
      // Which files there are, the list says.
      const cut = { ...this.plan.data, images: ".", filesFrom: null };
      const data: DataConfig = parseConfig(dataConfigSchema, cut, "data");
      return { data, loss: parseConfig(reconstructionLossSchema, this.plan.loss, "loss") };
    } catch (error) {
      throw error instanceof VqkitError ? formatError(this.#path, error.message) : error;
    }
  }
}
