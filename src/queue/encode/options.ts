import { z } from "zod";
import { ConfigError } from "../../core/errors.js";
import { withoutUndefined } from "../../core/objects.js";
import {
  type BrokenImage,
  type CollectionOptions,
  foundFiles,
  type ImageNote,
  type LeftOut,
  listedFiles,
  type PassedOver,
  type SourceFile,
} from "../../data/index.js";
import type { EncodeOptions, EncodeSettings, Tokenizer } from "../../tokenizer/index.js";
import type { SharedFolder } from "../shared-folder.js";
import { type QueueOptions, taskRules } from "../task-rules.js";
import type { TaskState } from "../task-state.js";
import type { EncodePlan } from "./plan.js";

/** How far an encoding is, over all workers. */
export interface QueueProgress extends TaskState {
  /** Images that are done, broken ones included; between whole pieces an estimate where their sizes are not known. */
  readonly images: number;
  /** How many there are; an estimate where it is not known. */
  readonly imagesTotal: number | undefined;
}

export interface QueuedEncodingOptions extends EncodeOptions, QueueOptions {
  /** Where the model was loaded from: workers find it there if that is in the shared folder. */
  readonly model?: string;
  /** The source is a list of files, as `openFileList` takes it, and not to be searched. Default false. */
  readonly isFileList?: boolean;
  readonly column?: string;
  readonly imageKey?: string;
  /** Folders that are being written: what lies in them is passed over. */
  readonly outputs?: readonly string[];
  /** Pieces that workers did for an earlier submitter of the same work count. Default false: they are forgotten. */
  readonly resume?: boolean;
  /** Image files in a piece at most, >= 1; default 1000. A tar shard and a row group of a Parquet file are pieces. */
  readonly imagesPerPiece?: number;
  /** Told of each image that cannot be read, which is then skipped; where absent, it is thrown. */
  readonly onBroken?: (broken: BrokenImage) => void;
  readonly onNote?: (note: ImageNote) => void;
  readonly onLeftOut?: (leftOut: LeftOut) => void;
  readonly onPassedOver?: (passedOver: PassedOver) => void;
  readonly onProgress?: (progress: QueueProgress) => void;
  readonly signal?: AbortSignal;
}

/** How work is cut up and handed out. */
export const rulesSchema = z.object({
  imagesPerPiece: z.int().min(1).max(100_000).default(1000),
  ...taskRules,
});

/** The files of a source. @throws VqkitError("data") as `openSource` */
export async function filesOf(
  source: string | readonly string[],
  { isFileList = false, outputs, onBroken, onPassedOver }: QueuedEncodingOptions,
): Promise<SourceFile[]> {
  if (isFileList) return listedFiles(typeof source === "string" ? [source] : source);
  return foundFiles(source, {
    ...withoutUndefined({ outputs, onBroken, onPassedOver }),
  });
}

/** What decides the codes. */
export function encodeOptions(options: EncodeOptions): EncodeOptions {
  const { policy, size, overlap, views, cropRange, batchSize, maxPixels, allowOversize } = options;
  return withoutUndefined({
    ...{ policy, size, overlap, views, cropRange, batchSize, maxPixels, allowOversize },
  });
}

/** Which images of a source are taken. */
export function collectionOptions({ column, imageKey }: QueuedEncodingOptions): CollectionOptions {
  return withoutUndefined({ column, imageKey });
}

/** @throws ConfigError for a source without images */
export function planOf(
  { fingerprint }: Tokenizer,
  {
    settings,
    options,
    shared,
    cut,
  }: {
    readonly settings: EncodeSettings;
    readonly options: QueuedEncodingOptions;
    readonly shared: SharedFolder;
    readonly cut: { readonly lines: readonly string[]; readonly digest: string };
  },
): EncodePlan {
  const { policy, views, cropRange, batchSize, maxPixels, allowOversize } = settings;
  if (cut.lines.length === 0) throw new ConfigError("source", "expected at least one image, got none.");
  return {
    pieces: cut.lines.length,
    piecesDigest: cut.digest,
    options: {
      policy,
      ...(policy === "native" ? {} : { size: [settings.size.height, settings.size.width] }),
      ...(policy === "tile" ? { overlap: settings.overlap } : {}),
      ...(views === "one" ? {} : { views }),
      ...(views === "ten-crop" ? { cropRange } : {}),
      batchSize,
      maxPixels,
      allowOversize,
    },
    ...collectionOptions(options),
    model: options.model === undefined ? null : (shared.nameWithin(options.model) ?? null),
    fingerprint,
  };
}
