import type { Command } from "commander";
import type { Codes } from "../../src/index.js";
import { BrokenImages } from "../broken-images.js";
import { loadQuantizerModules } from "../config-file.js";
import { engineOptions } from "../engine-options.js";
import { type Progress, startProgress } from "../progress.js";
import { addModelFlags, type FlagField, type ModelFlags, namingFlags } from "../run-flags.js";
import { print, printJson, type Terminal } from "../terminal.js";
import { integer, size } from "../values.js";

interface Flags extends ModelFlags {
  readonly out: string;
  readonly overwrite?: boolean;
  readonly size?: number | [number, number];
  readonly batchSize?: number;
}

/** Fields of the tokenizer's options. */
const FIELDS: readonly FlagField[] = [
  { flag: "--size <size>", field: "size" },
  { flag: "--batch-size <n>", field: "batchSize" },
];

export function addEncode(program: Command, terminal: Terminal): void {
  const command = program
    .command("encode")
    .description("turn images into a folder of codes")
    .argument("<model>", "run folder or model.safetensors")
    .argument("<images...>", "folders, glob patterns or files")
    .requiredOption("--out <dir>", "folder for the codes (.npy stacks, images.jsonl, manifest.json)")
    .option("--overwrite", "replace the codes in that folder")
    .option(
      "--size <size>",
      "scale and cut every image to this size, as 256 or HEIGHTxWIDTH (default: as it is)",
      size,
    )
    .option("--batch-size <n>", "images in one pass through the model (default: 16)", integer);
  addModelFlags(command);
  command.action((model: string, images: string[], flags: Flags) =>
    namingFlags(flags, FIELDS, () => encode(terminal, model, { images, ...flags })),
  );
}

async function encode(
  terminal: Terminal,
  modelPath: string,
  {
    images,
    out,
    overwrite = false,
    quiet = false,
    json = false,
    ...flags
  }: Flags & { readonly images: string[] },
): Promise<void> {
  const { findImages, Tokenizer, writeCodes } = await import("../../src/index.js");
  await loadQuantizerModules(flags.quantizerModule ?? []);
  const files = await findImages(images);
  const tokenizer = await Tokenizer.load(modelPath, engineOptions(flags));
  const broken = new BrokenImages(terminal, { quiet });
  const progress = startProgress(terminal, { label: "encoding", total: files.length, unit: "images", quiet });
  try {
    const codes = tokenizer.encodeAll(files, {
      onBroken: broken.report,
      ...(flags.size === undefined ? {} : { size: flags.size }),
      ...(flags.batchSize === undefined ? {} : { batchSize: flags.batchSize }),
    });
    const watched = watch(codes, { progress, skipped: () => broken.count, signal: terminal.signal });
    const manifest = await writeCodes(out, watched, { overwrite });
    progress.stop();
    broken.summarise();
    const { images: count, codebookSize, stacks } = manifest;
    if (json) printJson(terminal, { dir: out, skipped: broken.count, ...manifest });
    else {
      const grids = stacks.map(
        ({ gridHeight, gridWidth, images: n }) => `${n} of ${gridHeight}×${gridWidth}`,
      );
      print(
        terminal,
        `${count} images as indices in 0..${codebookSize - 1} (latent grids: ${grids.join(", ")}). Written: ${out}`,
      );
    }
  } finally {
    progress.stop();
    tokenizer.dispose();
  }
}

/** Passes codes on, shows how far they are, and stops between two of them when the user interrupts. */
async function* watch(
  codes: AsyncIterable<Codes>,
  parts: { readonly progress: Progress; readonly skipped: () => number; readonly signal: Terminal["signal"] },
): AsyncGenerator<Codes, void, undefined> {
  let done = 0;
  for await (const batch of codes) {
    parts.signal.throwIfAborted();
    done += batch.images.length;
    parts.progress.update(done + parts.skipped());
    yield batch;
  }
  parts.signal.throwIfAborted();
}
