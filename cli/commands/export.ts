import path from "node:path";
import { type Command, Option } from "commander";
import { shellQuoted } from "../../src/core/shell.js";
import type { PixelFormat, RoundTrip } from "../../src/export/index.js";
import {
  type ConfigObject,
  loadQuantizerModules,
  readConfigFile,
  takeQuantizerModules,
} from "../config-file.js";
import { addModelFlags, type ModelFlags } from "../declare-flags.js";
import { engineOptions } from "../engine-options.js";
import { UsageError } from "../errors.js";
import { namingFlags } from "../gather-config.js";
import { startProgress } from "../progress.js";
import type { FlagField } from "../run-flags.js";
import { note, print, printJson, type Terminal } from "../terminal.js";

interface Flags extends ModelFlags {
  readonly to: "onnx" | "huggingface" | "diffusers" | "pytorch";
  readonly out: string;
  readonly pixels?: PixelFormat;
  readonly check?: readonly string[];
  readonly overwrite?: boolean;
}

/** Fields of the exports' options. */
const FIELDS: readonly FlagField[] = [
  { flag: "--out <dir>", field: "out" },
  { flag: "--pixels <format>", field: "pixels" },
];

export function addExport(program: Command, terminal: Terminal): void {
  const command = program
    .command("export")
    .description("write a trained model for other programs")
    .argument(
      "<model>",
      "run folder or model.safetensors; with pytorch also a configuration of train (.yaml, .json), which is not trained yet",
    )
    .addOption(
      new Option(
        "--to <format>",
        "onnx: encoder.onnx and decoder.onnx; huggingface: a folder for the Hub; diffusers: a folder for VQModel.from_pretrained; pytorch: a project that trains it on many GPUs",
      )
        .choices(["onnx", "huggingface", "diffusers", "pytorch"])
        .makeOptionMandatory(),
    )
    .requiredOption("-o, --out <dir>", "folder for the files")
    .option("--overwrite", "replace files of the same names in that folder")
    .addOption(
      new Option(
        "--pixels <format>",
        "with onnx: uint8 [batch,height,width,3] 0..255, or float32 [batch,3,height,width] -1..1 (default: uint8)",
      ).choices(["uint8", "float32"]),
    )
    .option(
      "--check <images...>",
      "with onnx: folders, glob patterns or files to compare both on (default: the run's evaluation files)",
    );
  addModelFlags(command);
  command.action((model: string, flags: Flags) =>
    namingFlags(flags, FIELDS, () => WRITERS[flags.to](terminal, model, flags)),
  );
}

const WRITERS = {
  onnx: toOnnx,
  huggingface: toHuggingFace,
  diffusers: toDiffusers,
  pytorch: toPytorch,
} as const;

async function toOnnx(terminal: Terminal, model: string, flags: Flags): Promise<void> {
  const { quiet = false, json = false, out, overwrite = false } = flags;
  const { exportOnnx } = await import("../../src/export/index.js");
  await loadQuantizerModules(flags.quantizerModule ?? []);
  let progress: ReturnType<typeof startProgress> | undefined;
  try {
    const result = await exportOnnx(model, {
      ...engineOptions(flags),
      out,
      overwrite,
      ...(flags.pixels === undefined ? {} : { pixels: flags.pixels }),
      ...(flags.check === undefined ? {} : { check: flags.check }),
      onImage: (done, total) => {
        terminal.signal.throwIfAborted();
        progress ??= startProgress(terminal, { label: "comparing", total, unit: "images", quiet });
        progress.update(done);
      },
    });
    progress?.stop();
    for (const warning of result.warnings) note(terminal, `warning: ${warning}`, { quiet });
    if (json) printJson(terminal, result);
    else print(terminal, `${describe(result.roundTrip)} Written: ${result.files.join(", ")} in ${out}`);
  } finally {
    progress?.stop();
  }
}

async function toHuggingFace(terminal: Terminal, model: string, flags: Flags): Promise<void> {
  const { quiet = false, json = false, out, overwrite = false } = flags;
  const { exportHuggingFace } = await import("../../src/export/index.js");
  refuseOnnxFlags(flags);
  await loadQuantizerModules(flags.quantizerModule ?? []);
  const result = await exportHuggingFace(model, { ...engineOptions(flags), out, overwrite });
  for (const warning of result.warnings) note(terminal, `warning: ${warning}`, { quiet });
  if (json) printJson(terminal, result);
  else print(terminal, `Written: ${result.files.join(", ")} in ${out}`);
}

async function toDiffusers(terminal: Terminal, model: string, flags: Flags): Promise<void> {
  const { json = false, out, overwrite = false } = flags;
  const { exportDiffusers } = await import("../../src/export/index.js");
  refuseOnnxFlags(flags);
  await loadQuantizerModules(flags.quantizerModule ?? []);
  const result = await exportDiffusers(model, { ...engineOptions(flags), out, overwrite });
  if (json) printJson(terminal, result);
  else print(terminal, `Written: ${result.files.join(", ")} in ${out}`);
}

async function toPytorch(terminal: Terminal, model: string, flags: Flags): Promise<void> {
  const { quiet = false, json = false, out, overwrite = false } = flags;
  const { exportPytorch } = await import("../../src/export/index.js");
  refuseOnnxFlags(flags);
  await loadQuantizerModules(flags.quantizerModule ?? []);
  const source = /\.(ya?ml|json)$/i.test(model) ? await configurationIn(model) : model;
  const result = await exportPytorch(source, { ...engineOptions(flags), out, overwrite });
  for (const warning of result.warnings) note(terminal, `warning: ${warning}`, { quiet });
  if (json) printJson(terminal, result);
  else
    print(
      terminal,
      `Written: ${result.files.length} files in ${out}. To train: cd ${shellQuoted(out)} && torchrun --nproc-per-node 8 train.py --data IMAGES`,
    );
}

/** What a file of `train --config` says; its modules are named by --quantizer-module. */
async function configurationIn(file: string): Promise<ConfigObject> {
  const folder = path.dirname(file);
  return takeQuantizerModules(await readConfigFile(file), { folder, allowCode: false }).rest;
}

function refuseOnnxFlags({ pixels, check }: Flags): void {
  for (const [flag, value] of Object.entries({ "--pixels": pixels, "--check": check })) {
    if (value !== undefined) throw new UsageError(`${flag}: expected only with --to onnx. Remove it.`);
  }
}

function describe(result: RoundTrip): string {
  const { on, indices, borderlineIndices, differingPixelValues, pixelValues } = result;
  const count = (value: number) => value.toLocaleString("en-US");
  const all =
    borderlineIndices === 0
      ? `all ${count(indices)} indices are the live model's`
      : `of ${count(indices)} indices ${count(borderlineIndices)}, on the border between two codes, differ from the live model's`;
  return (
    `On ${on}: ${all}; ` +
    `${count(differingPixelValues)} of ${count(pixelValues)} pixel values differ by 1 of 255, the rest are equal.`
  );
}
