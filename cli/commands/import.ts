import { type Command, Option } from "commander";
import type { ImportedTokenizer } from "../../src/import/index.js";
import type { TrainingResult } from "../../src/training/index.js";
import { BrokenImages } from "../broken-images.js";
import { many, number } from "../count-text.js";
import { addOutputFlags } from "../declare-flags.js";
import { UsageError } from "../errors.js";
import { namingFlags } from "../gather-config.js";
import { startProgress } from "../progress.js";
import type { FlagField } from "../run-flags.js";
import { print, printJson, type Terminal } from "../terminal.js";

interface Flags {
  readonly out: string;
  readonly family?: string;
  readonly config?: string;
  readonly prefix?: string;
  readonly overwrite?: boolean;
  readonly images?: readonly string[];
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const FIELDS: readonly FlagField[] = [
  { flag: "--out <dir>", field: "out" },
  { flag: "--family <name>", field: "family" },
  { flag: "--prefix <name>", field: "prefix" },
];

export function addImport(program: Command, terminal: Terminal): void {
  const command = program
    .command("import")
    .description(
      "turn a published tokenizer, or what a PyTorch project has trained, into a model that every command takes; docs/tokenizers.md lists them",
    )
    .argument(
      "<source>",
      "weights (.safetensors or its index, .ckpt, .pt, .pth, .bin), or the folder of a diffusers VQModel, a transformers model, Cosmos's encoder.jit and decoder.jit, or a PyTorch project that export --to pytorch wrote and torchrun has trained",
    )
    .requiredOption("--out <dir>", "folder for config.json and model.safetensors")
    .addOption(
      new Option(
        "--family <name>",
        "taming, llamagen, janus, chameleon, ibq, open-magvit2, maskgit, cosmos or diffusers (default: found from names and configuration)",
      ),
    )
    .option("--config <file>", "the model's own YAML or JSON (default: the one beside the weights)")
    .option("--prefix <name>", "what stands before the tokenizer's names, where a file holds several")
    .option("--overwrite", "replace files of the same names in that folder")
    .option(
      "--images <images...>",
      "of a PyTorch project: the images that it was trained on; those that were held out are evaluated, and the run is finished as one that was trained here",
    );
  addOutputFlags(command);
  command.action((source: string, flags: Flags) =>
    namingFlags(flags, FIELDS, () => importInto(terminal, source, flags)),
  );
}

async function importInto(terminal: Terminal, source: string, flags: Flags): Promise<void> {
  const { quiet = false, json = false, images, ...options } = flags;
  const { importTokenizer, trainedProject } = await import("../../src/import/index.js");
  if (images !== undefined && (await trainedProject(source)) === undefined) {
    throw new UsageError(
      "--images: expected a PyTorch project with it, got another source. Evaluate the imported model instead: vqkit evaluate.",
    );
  }
  let progress: ReturnType<typeof startProgress> | undefined;
  try {
    const imported = await importTokenizer(source, {
      ...options,
      onWeight: (done, total) => {
        terminal.signal.throwIfAborted();
        progress ??= startProgress(terminal, { label: "reading", total, unit: "weights", quiet });
        progress.update(done);
      },
    });
    progress?.stop();
    const result =
      images === undefined ? undefined : await finished(terminal, imported.dir, { images, quiet });
    if (json) printJson(terminal, { ...imported, ...(result && { final: result.evaluation.figures }) });
    else
      print(terminal, [describe(imported), ...(result === undefined ? [] : [figuresOf(result)])].join("\n"));
  } finally {
    progress?.stop();
  }
}

/** Evaluates what PyTorch trained, and writes what a finished run has. */
async function finished(
  terminal: Terminal,
  dir: string,
  { images, quiet }: { readonly images: readonly string[]; readonly quiet: boolean },
): Promise<TrainingResult> {
  const { finishTrainedElsewhere } = await import("../../src/training/index.js");
  const { writeRunReport } = await import("../../src/reports/index.js");
  const { RunFolder } = await import("../../src/runs/index.js");
  const broken = new BrokenImages(terminal, { quiet });
  const { signal } = terminal;
  const result = await finishTrainedElsewhere(dir, { ...broken.hooks, images: [...images], signal });
  broken.summarise();
  await writeRunReport(await RunFolder.open(dir));
  return result;
}

function figuresOf({ evaluation, conventions }: TrainingResult): string {
  const { psnr, ssim, usage } = evaluation.figures;
  const shown = (value: number | null | undefined, digits: number) => value?.toFixed(digits) ?? "–";
  return `On ${evaluation.images} crops of ${conventions.evaluationSet}: PSNR ${shown(psnr, 2)} dB, SSIM ${shown(ssim, 3)}, usage ${shown(usage, 3)}.`;
}

function describe({
  title,
  original,
  model,
  weights,
  numbers,
  leftOut,
  dir,
  codebookSize,
}: ImportedTokenizer): string {
  const { averaged, prefix, config, files } = original;
  const others = Object.values(leftOut).reduce((sum, count) => sum + count, 0);
  const kinds = Object.entries(leftOut).map(([name, count]) => `${name} ${number(count)}`);
  return [
    `${title.replace(/ \(an encoder alone\)$/, "")}: ${number(codebookSize)} codes, one for ${model.downsamplingFactor}×${model.downsamplingFactor} pixels${model.decoder ? "" : "; an encoder alone, which cannot decode"}.`,
    `${many(weights, "weight")} (${number(numbers)} numbers) of ${files.map(({ name }) => name).join(", ")}${prefix === "" ? "" : ` under "${prefix}"`}${averaged ? ", the running average" : ""}${config === null ? "" : `; ${config} agrees with them`}.`,
    ...(others === 0
      ? []
      : [
          `Left out, as no part of the tokenizer: ${many(others, "tensor")} (${kinds.slice(0, 6).join(", ")}${kinds.length > 6 ? ", …" : ""}).`,
        ]),
    `Written: ${dir}`,
  ].join("\n");
}
