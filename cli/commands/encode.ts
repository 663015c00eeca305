import type { Command } from "commander";
import { withoutUndefined } from "../../src/core/objects.js";
import type {
  CodeFormat,
  CodeManifest,
  CodeWriter,
  EncodeOptions,
  EncodeSettings,
  SizePolicy,
  Tokenizer,
} from "../../src/tokenizer/index.js";
import { BrokenImages } from "../broken-images.js";
import { loadQuantizerModules } from "../config-file.js";
import { addModelFlags, type ModelFlags, requireFlag } from "../declare-flags.js";
import { type EncodeSource, openEncodeSource } from "../encode-source.js";
import { describeCodes } from "../encoded-text.js";
import { engineOptions } from "../engine-options.js";
import { Interrupted } from "../errors.js";
import { namingFlags } from "../gather-config.js";
import {
  addGeneratorFlags,
  classList,
  GENERATOR_FIELDS,
  type GeneratorFlags,
  tokenOptions,
  viewOptions,
} from "../generator-flags.js";
import { LeftOutImages } from "../left-out.js";
import { checkModelFirst } from "../model-argument.js";
import { PassedOverNote } from "../passed-over.js";
import { type Progress, startProgress } from "../progress.js";
import {
  addPieceFlags,
  addQueueFlags,
  addSubmissionFlags,
  QUEUE_FIELDS,
  type QueueFlags,
} from "../queue-flags.js";
import { type FlagField, OVERSIZE_FLAG, OVERSIZE_HELP } from "../run-flags.js";
import { note, print, printJson, type Terminal } from "../terminal.js";
import { integer, size } from "../values.js";

interface Flags extends ModelFlags, QueueFlags, GeneratorFlags {
  readonly out: string;
  readonly format?: CodeFormat;
  readonly overwrite?: boolean;
  readonly resume?: boolean;
  readonly strict?: boolean;
  readonly filesFrom?: string;
  readonly column?: string;
  readonly imageKey?: string;
  readonly policy?: SizePolicy;
  readonly size?: number | [number, number];
  readonly overlap?: number;
  readonly batchSize?: number;
  readonly maxPixels?: number;
  readonly allowOversize?: boolean;
}

interface Request extends Flags {
  readonly images: string[];
}

/** Fields of the options of the tokenizer and of the writer. */
const FIELDS: readonly FlagField[] = [
  { flag: "--image-key <name>", field: "imageKey" },
  { flag: "--policy <name>", field: "policy" },
  { flag: "--size <size>", field: "size" },
  { flag: "--overlap <n>", field: "overlap" },
  { flag: "--batch-size <n>", field: "batchSize" },
  { flag: "--max-pixels <n>", field: "maxPixels" },
  { flag: "--format <name>", field: "format" },
  ...GENERATOR_FIELDS,
  ...QUEUE_FIELDS,
];

export function addEncode(program: Command, terminal: Terminal): void {
  const command = program
    .command("encode")
    .description("turn images into a folder of codes")
    .argument("<model>", "run folder or model.safetensors")
    .argument(
      "[images...]",
      "folders, glob patterns or files: images, .tar and .tar.gz shards, .parquet files; - is one image on stdin",
    )
    .option("-o, --out <dir>", "folder for the codes (manifest.json and the files that it names) (required)")
    .option("--format <name>", "npy, jsonl, parquet, tar, packed or bin (default: npy)")
    .option("--files-from <file>", "read the names of the files from this file, one a line; - is stdin")
    .option("--column <name>", "column of .parquet files with the images (default: found out)")
    .option(
      "--image-key <name>",
      'which entry of a sample of .tar shards is its image, as jpg or "jpg;png" (default: the first image)',
    )
    .option(
      "--policy <name>",
      "native (own size), resize, crop, pad or tile (default: crop with a --size, else native)",
    )
    .option("--size <size>", "size of every image or tile, as 256 or HEIGHTxWIDTH (default: as it is)", size)
    .option("--overlap <n>", "pixels that tiles share at least (default: a quarter of a tile)", integer)
    .option("--batch-size <n>", "images in one pass through the model (default: 16)", integer)
    .option("--max-pixels <n>", "skip images of more pixels than this (default: 64 million)", integer)
    .option(OVERSIZE_FLAG, OVERSIZE_HELP)
    .option("--overwrite", "replace the codes in that folder")
    .option("--resume", "resume where an interrupted run stopped")
    .option("--strict", "stop at the first image that cannot be read (default: skip it)");
  addGeneratorFlags(command);
  addQueueFlags(command, "let the workers of this queue compute");
  addPieceFlags(command);
  addSubmissionFlags(command, "piece", "codes may differ now and then");
  addModelFlags(command);
  command.action((model: string, images: string[], flags: Partial<Flags>) =>
    namingFlags(flags, FIELDS, async () => {
      await checkModelFirst([model, ...images], { verb: "encode", rest: "IMAGES", needs: " --out codes" });
      const out = requireFlag(flags.out, ["--out <dir>", "the folder for the codes"]);
      await encode(terminal, model, { images, ...flags, out });
    }),
  );
}

async function encode(terminal: Terminal, modelPath: string, request: Request): Promise<void> {
  const { out, quiet = false, json = false } = request;
  const { Tokenizer } = await import("../../src/tokenizer/index.js");
  await loadQuantizerModules(request.quantizerModule ?? []);
  const broken = new BrokenImages(terminal, { quiet });
  const leftOut = new LeftOutImages(terminal, { quiet });
  const passedOver = await PassedOverNote.create(terminal, { quiet });
  const told = { broken, leftOut, passedOver };
  const source = await openEncodeSource(terminal, { ...request, model: modelPath }, told);
  const tokenizer = await Tokenizer.load(modelPath, engineOptions(request));
  const progress = startProgress(terminal, {
    label: "encoding",
    total: () => source.total,
    unit: "images",
    quiet,
  });
  try {
    const outcome = await encodeInto(terminal, request, { tokenizer, source, progress, broken });
    progress.stop();
    broken.summarise();
    leftOut.summarise();
    const { manifest, ...counts } = outcome;
    if (json) {
      const found = { broken: broken.list(), notes: broken.notes(), leftOut: leftOut.list() };
      const all = { ...found, passedOver: passedOver.counts };
      printJson(terminal, { dir: out, ...counts, ...all, ...manifest });
    } else if (outcome.images === null)
      print(terminal, `Nothing is left to do. ${out}: ${describeCodes(outcome)}`);
    else print(terminal, `${describeCodes(outcome)} Written: ${out}`);
  } finally {
    progress.stop();
    tokenizer.dispose();
  }
}

/** What is in the folder at the end. */
interface Outcome {
  readonly manifest: CodeManifest;
  /** Images that were encoded and images that were skipped; null where an earlier run had finished, for it kept no count. */
  readonly images: number | null;
  readonly skipped: number | null;
}

interface Parts {
  readonly tokenizer: Tokenizer;
  readonly source: EncodeSource;
  readonly progress: Progress;
  readonly broken: BrokenImages;
}

/** Encodes into the folder; what is written when it fails or is interrupted is left for `--resume`, or removed. */
async function encodeInto(terminal: Terminal, request: Request, parts: Parts): Promise<Outcome> {
  const { tokenizer, source, broken } = parts;
  const { out, resume = false, overwrite = false } = request;
  const { openCodeWriter } = await import("../../src/tokenizer/index.js");
  const options = encodeOptions(request);
  await source.check(tokenizer, options);
  const classes = await classList(request, await source.names());
  const writer = await openCodeWriter(out, {
    overwrite,
    resume,
    ...withoutUndefined({ format: request.format, classes, tokens: tokenOptions(request, request.format) }),
    settings: { ...recorded(tokenizer.encodeSettings(options)), ...chosen(request) },
    fingerprint: tokenizer.fingerprint,
  });
  if (writer.finished !== undefined) {
    await source.clear(tokenizer, options);
    return { manifest: writer.finished, images: null, skipped: null };
  }
  const before = writer.resumedAt;
  if (before !== undefined) {
    note(terminal, `resuming after image ${before.itemsDone}`, { quiet: request.quiet ?? false });
  }
  try {
    const images = await encodeAll(terminal, writer, { ...parts, options, classes });
    const manifest = await writer.finish();
    await source.finish();
    return { manifest, images, skipped: (before?.itemsBroken ?? 0) + broken.count };
  } catch (error) {
    const kept = await leave(writer, error);
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(
      kept || source.keeps
        ? `${error.message} To resume: the same command with --resume.`
        : `${error.message} Too few to keep in this format: the same command begins anew.`,
    );
  }
}

/** @returns how many images there are codes of */
async function encodeAll(
  terminal: Terminal,
  writer: CodeWriter,
  {
    tokenizer,
    source,
    progress,
    options,
    classes,
  }: Parts & { readonly options: EncodeOptions; readonly classes: readonly string[] | undefined },
): Promise<number> {
  const { withLabels } = await import("../../src/tokenizer/index.js");
  const start = writer.resumedAt;
  const batches = source.batches(tokenizer, {
    ...options,
    ...(start === undefined ? {} : { start }),
    progress,
  });
  const codes = classes === undefined ? batches : withLabels(batches, classes);
  let done = start?.itemsDone ?? 0;
  let encoded = done - (start?.itemsBroken ?? 0);
  for await (const batch of codes) {
    await writer.write(batch);
    done = batch.itemsDone;
    encoded = done - batch.itemsBroken;
    if (terminal.signal.aborted) throw interrupted(done, source.total);
  }
  return encoded;
}

function interrupted(done: number, total: number | undefined): Interrupted {
  const images = total === undefined ? `${done} images` : `${done} of ${total} images`;
  return new Interrupted(`Interrupted after ${images}.`);
}

/**
 * Closes the writer after a failure. What was written is left for a later run to resume; a run that was to be
 * strict, or found nothing to encode, leaves nothing, unless an earlier run had left something.
 *
 * @returns whether there is something to resume
 */
async function leave(writer: CodeWriter, error: unknown): Promise<boolean> {
  const { ImageError } = await import("../../src/data/index.js");
  const failed = error instanceof ImageError || writer.entries === 0;
  const close = async (): Promise<boolean> => {
    if (!failed || writer.resumedAt !== undefined) return writer.suspend();
    await writer.abort();
    return false;
  };
  // The first error says what went wrong.
  return close().catch(() => false);
}

function encodeOptions(request: Request): EncodeOptions {
  const { policy, size, overlap, batchSize, maxPixels, allowOversize } = request;
  const given = withoutUndefined({ policy, size, overlap, batchSize, maxPixels, allowOversize });
  return { ...given, ...viewOptions(request) };
}

/** What decides the codes, for the manifest. */
function recorded(settings: EncodeSettings): Record<string, string | number | number[]> {
  const { policy, maxPixels, views, cropRange } = settings;
  const size = policy === "native" ? {} : { size: [settings.size.height, settings.size.width] };
  const overlap = policy === "tile" ? { overlap: settings.overlap } : {};
  const several = views === "one" ? {} : { views, ...(views === "ten-crop" ? { cropRange } : {}) };
  return { policy, ...size, ...overlap, ...several, maxPixels };
}

/** Which images were taken, where that was said (resuming with others would mix them), and whether processors may differ. */
function chosen({ column, imageKey, allowMixed = false }: Request): Record<string, string | boolean> {
  return {
    ...(column === undefined ? {} : { column }),
    ...(imageKey === undefined ? {} : { imageKey }),
    ...(allowMixed ? { allowMixed } : {}),
  };
}
