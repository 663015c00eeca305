import { stat } from "node:fs/promises";
import type { Command } from "commander";
import { isObject } from "../../src/core/objects.js";
import type { EvaluationNetworks, ImageDistance } from "../../src/evaluation/index.js";
import type { RunOptions } from "../../src/training/index.js";
import { BrokenImages } from "../broken-images.js";
import { type ConfigObject, loadQuantizerModules } from "../config-file.js";
import { addModelFlags, type ModelFlags, requireFlag } from "../declare-flags.js";
import { engineOptions } from "../engine-options.js";
import { evaluationNotes } from "../evaluation-text.js";
import { namingFlags } from "../gather-config.js";
import { checkModelFirst } from "../model-argument.js";
import { isNetworkSpec, networkSpec } from "../network-spec.js";
import { PassedOverNote } from "../passed-over.js";
import { startProgress } from "../progress.js";
import { type FlagField, OVERSIZE_FLAG, OVERSIZE_HELP } from "../run-flags.js";
import { note, print, printJson, type Terminal } from "../terminal.js";
import { integer, size } from "../values.js";

interface Flags extends ModelFlags {
  readonly cropSize?: number | [number, number];
  readonly resize?: number;
  readonly cropsPerImage?: number;
  readonly loss?: string;
  readonly batchSize?: number;
  readonly lpips?: string;
  readonly fid?: string;
  readonly fidReference?: string;
  readonly allowOversize?: boolean;
}

/** Fields of the run that stands for the evaluation. */
const FIELDS: readonly FlagField[] = [
  { flag: "--crop-size <size>", field: "data.cropSize" },
  { flag: "--resize <n>", field: "data.resize" },
  { flag: "--crops-per-image <n>", field: "data.evaluationCropsPerImage" },
  { flag: "--loss <name>", field: "loss" },
  { flag: "--batch-size <n>", field: "batchSize" },
];

export function addEvaluate(program: Command, terminal: Terminal): void {
  const command = program
    .command("evaluate")
    .description("measure a trained model on images")
    .argument("<model>", "run folder or model.safetensors")
    .argument("<images...>", "folders, glob patterns or files")
    .option(
      "--crop-size <size>",
      "pixels of a crop, as 64 or HEIGHTxWIDTH (default: as in training, else 64)",
      size,
    )
    .option(
      "--resize <n>",
      "shorter side in pixels that images are resized to first (default: as in training)",
      integer,
    )
    .option(
      "--crops-per-image <n>",
      "crops of each image at most (default: as in training, else 16)",
      integer,
    )
    .option("--loss <name>", "reconstruction loss to report (default: as in training, else l2)")
    .option(OVERSIZE_FLAG, OVERSIZE_HELP)
    .option("--batch-size <n>", "crops in one pass through the model (default: 16)", integer)
    .option(
      "--lpips <file>",
      "LPIPS by weights as vgg=FILE,heads=FILE (or alex=, squeeze=, onnx=), or an ONNX file: two inputs [N,3,H,W] in -1..1, N distances",
    )
    .option("--fid <file>", "ONNX file of image features: one input [N,3,H,W] in -1..1, output [N,D]")
    .option(
      "--fid-reference <file>",
      "FID against reference statistics, an .npz with mu and sigma as of ADM, clean-fid or pytorch-fid (default: against the images)",
    );
  addModelFlags(command);
  command.action((model: string, images: string[], flags: Flags) =>
    namingFlags(flags, FIELDS, async () => {
      await checkModelFirst([model, ...images], { verb: "evaluate", rest: "IMAGES", needs: "" });
      await evaluate(terminal, model, { images, ...flags });
    }),
  );
}

async function evaluate(
  terminal: Terminal,
  modelPath: string,
  { images, quiet = false, json = false, ...flags }: Flags & { readonly images: string[] },
): Promise<void> {
  const { selectEngine } = await import("../../src/backend/index.js");
  const { ImageDataset } = await import("../../src/data/index.js");
  const { FeatureNetwork, evaluateMeanColour, evaluateModel, evaluationCard, readReferenceStatistics } =
    await import("../../src/evaluation/index.js");
  const { renderFiguresTable } = await import("../../src/reports/index.js");
  const { originText } = await import("../../src/import/index.js");
  const { loadModel } = await import("../../src/tokenizer/index.js");
  const { checkSize, resolveRun } = await import("../../src/training/index.js");
  await loadQuantizerModules(flags.quantizerModule ?? []);
  await selectEngine(engineOptions(flags));
  const { model } = await loadModel(modelPath);
  const broken = new BrokenImages(terminal, { quiet });
  const passedOver = await PassedOverNote.create(terminal, { quiet });
  const networks: { -readonly [N in keyof EvaluationNetworks]: EvaluationNetworks[N] } = {};
  try {
    // Before anything is measured, so that a wrong file is told at once.
    if (flags.lpips !== undefined) networks.lpips = await openDistance(flags.lpips, flags);
    if (flags.fid !== undefined) networks.fid = await FeatureNetwork.open(flags.fid, flags);
    if (flags.fidReference !== undefined) {
      requireFlag(flags.fid, ["--fid <file>", "the network whose statistics --fid-reference has"]);
      networks.fidReference = await readReferenceStatistics(flags.fidReference);
    }
    const config = resolveRun({
      ...(await trainedWith(modelPath, images, flags)),
      model: model.config,
      quantizer: model.quantizer.config,
      allowOversize: flags.allowOversize ?? false,
    });
    const { data, loss, batchSize } = config;
    const dataset = await ImageDataset.open(data, 0, {
      ...broken.hooks,
      onPassedOver: passedOver.report,
    });
    await checkSize(config, dataset.evaluationFiles, { use: "evaluation" });
    const total = dataset.evaluationFiles.length * data.evaluationCropsPerImage;
    const progress = startProgress(terminal, { label: "evaluating", total, unit: "crops at most", quiet });
    const { signal } = terminal;
    const batches = () => dataset.evaluationBatches({ batchSize });
    try {
      const evaluation = await evaluateModel(model, batches(), {
        loss,
        networks,
        signal,
        onProgress: progress.update,
      });
      progress.stop();
      broken.summarise();
      for (const warning of evaluation.warnings) note(terminal, `warning: ${warning}`, { quiet });
      const meanColour = await evaluateMeanColour(batches(), { loss, signal });
      const conventions = evaluationCard(evaluation, { loss, data, set: "all files" });
      const { figures, geometry, notMeasured, warnings } = evaluation;
      const { original } = await savedRun(modelPath);
      if (json) {
        printJson(terminal, {
          figures,
          meanColour,
          geometry,
          notMeasured,
          warnings,
          conventions,
          ...(original === undefined ? {} : { original }),
          broken: broken.list(),
          notes: broken.notes(),
          passedOver: passedOver.counts,
        });
      } else {
        print(terminal, renderFiguresTable({ model: figures, "mean colour": meanColour }));
        print(terminal, `\n${evaluationNotes(evaluation, conventions)}`);
        if (original !== undefined) print(terminal, `\nImported: ${originText(original)}.`);
      }
    } finally {
      progress.stop();
    }
  } finally {
    await Promise.all([networks.lpips?.release(), networks.fid?.release()]);
    model.dispose();
  }
}

/** LPIPS by the files of its network, as `vgg=FILE,heads=FILE`, or by one ONNX file. */
async function openDistance(text: string, flags: Flags): Promise<ImageDistance> {
  const { DistanceNetwork, FeatureDistance } = await import("../../src/evaluation/index.js");
  if (!isNetworkSpec(text)) return DistanceNetwork.open(text, flags);
  return FeatureDistance.open(networkSpec(text));
}

/** How the run that left the model cut and measured its images, with what flags say in its place. */
async function trainedWith(
  modelPath: string,
  images: readonly string[],
  flags: Flags,
): Promise<Pick<RunOptions, "data" | "loss" | "batchSize">> {
  const { data, loss } = await savedRun(modelPath);
  const { resize, cropSize, evaluationCropsPerImage } = isObject(data) ? data : {};
  const fields = {
    images: [...images],
    heldOut: 0,
    resize: flags.resize ?? resize,
    cropSize: flags.cropSize ?? cropSize,
    evaluationCropsPerImage: flags.cropsPerImage ?? evaluationCropsPerImage,
  };
  const given = { data: withoutUndefined(fields), loss: flags.loss ?? loss, batchSize: flags.batchSize };
  return withoutUndefined(given) as Pick<RunOptions, "data" | "loss" | "batchSize">;
}

/** A run's configuration; nothing for a model file by itself. */
async function savedRun(modelPath: string): Promise<ConfigObject> {
  const { RunFolder } = await import("../../src/runs/index.js");
  if (!(await stat(modelPath)).isDirectory()) return {};
  return { ...(await (await RunFolder.open(modelPath)).readConfig()) };
}

function withoutUndefined(object: ConfigObject): ConfigObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
