import type { Command } from "commander";
import type {
  Evaluation,
  EvaluationFigures,
  EvaluationNetworks,
  ImageDistance,
} from "../../src/evaluation/index.js";
import type { EvaluationProtocol, ProtocolSummary } from "../../src/evaluation/protocols/index.js";
import type { MetricCard } from "../../src/metrics/index.js";
import { BrokenImages } from "../broken-images.js";
import { loadQuantizerModules } from "../config-file.js";
import { COLUMN_HELP, FILES_FROM_HELP, IMAGE_KEY_HELP } from "../data-flags.js";
import { addModelFlags, type ModelFlags, requireFlag } from "../declare-flags.js";
import { engineOptions } from "../engine-options.js";
import { UsageError } from "../errors.js";
import { evaluatedHere } from "../evaluate-here.js";
import { evaluatedOnQueue, type QueuedEvaluationFlags } from "../evaluate-on-queue.js";
import { evaluationArguments, shortNames } from "../evaluated-models.js";
import {
  checkWithProtocol,
  namedProtocol,
  openImages,
  type ProtocolFlags,
  protocolNotes,
  protocolSettings,
} from "../evaluation-protocol.js";
import { evaluationConfigs, type NamedModel } from "../evaluation-settings.js";
import { evaluationNotes, severalNotes } from "../evaluation-text.js";
import { namingFlags } from "../gather-config.js";
import { hubNote } from "../hub-note.js";
import { LeftOutImages } from "../left-out.js";
import { isNetworkSpec, networkSpec } from "../network-spec.js";
import { PassedOverNote } from "../passed-over.js";
import { addQueueFlags, addSubmissionFlags, QUEUE_FIELDS, queueAddress } from "../queue-flags.js";
import { type FlagField, OVERSIZE_FLAG, OVERSIZE_HELP } from "../run-flags.js";
import { note, print, printJson, type Terminal } from "../terminal.js";
import { integer, size } from "../values.js";

interface Flags extends ModelFlags, ProtocolFlags, QueuedEvaluationFlags {
  readonly csv?: string;
}

/** Fields of the run that stands for the evaluation. */
const FIELDS: readonly FlagField[] = [
  { flag: "--files-from <file>", field: "data.filesFrom" },
  { flag: "--column <name>", field: "data.column" },
  { flag: "--image-key <name>", field: "data.imageKey" },
  { flag: "--crop-size <size>", field: "data.cropSize" },
  { flag: "--resize <n>", field: "data.resize" },
  { flag: "--crops-per-image <n>", field: "data.evaluationCropsPerImage" },
  { flag: "--loss <name>", field: "loss" },
  { flag: "--batch-size <n>", field: "batchSize" },
  ...QUEUE_FIELDS,
];

export function addEvaluate(program: Command, terminal: Terminal): void {
  const command = program
    .command("evaluate")
    .description("measure one model on images, or several side by side on the same")
    .argument("<model>", "run folder or model.safetensors; more of them may follow, before the images")
    .argument("[images...]", "folders, glob patterns or files: images, tar shards, Parquet")
    .option("--files-from <file>", FILES_FROM_HELP)
    .option("--column <name>", COLUMN_HELP)
    .option("--image-key <name>", IMAGE_KEY_HELP)
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
    .option("--csv <file>", "write the models and their figures as CSV too, a line each")
    .option("--batch-size <n>", "crops in one pass through the model (default: 16)", integer)
    .option(
      "--lpips <file>",
      "LPIPS by weights as vgg=FILE,heads=FILE (or alex=, squeeze=, onnx=), or an ONNX file: two inputs [N,3,H,W] in -1..1, N distances",
    )
    .option("--fid <file>", "ONNX file of image features: one input [N,3,H,W] in -1..1, output [N,D]")
    .option(
      "--fid-reference <file>",
      "FID against reference statistics, an .npz with mu and sigma as of ADM, clean-fid or pytorch-fid (default: against the images)",
    )
    .option(
      "--protocol <name>",
      "measure as a published protocol says, on the images that it names: adm, clean-fid, clean-fid-train, llamagen, llamagen-coco, open-magvit2, taming or titok",
    );
  addQueueFlags(command, "let the workers of this queue measure");
  addSubmissionFlags(command, "piece", "figures may differ in their last digits");
  command.option("--resume", "with --queue: count what workers did for the same command before");
  addModelFlags(command);
  command.action((model: string, images: string[], flags: Flags) =>
    namingFlags(flags, FIELDS, async () => {
      await evaluate(terminal, await evaluationArguments([model, ...images], flags.filesFrom), flags);
    }),
  );
}

type Networks = { -readonly [N in keyof EvaluationNetworks]: EvaluationNetworks[N] };

async function evaluate(
  terminal: Terminal,
  { models: paths, images }: Awaited<ReturnType<typeof evaluationArguments>>,
  flags: Flags,
): Promise<void> {
  checkQueueFlags(flags);
  const { selectEngine } = await import("../../src/backend/index.js");
  await loadQuantizerModules(flags.quantizerModule ?? []);
  const protocol = await namedProtocol(flags);
  await selectEngine(engineOptions(flags));
  const models: NamedModel[] = [];
  const networks: Networks = {};
  try {
    // Before anything is measured, so that a wrong file is told at once.
    await loadInto(models, paths);
    await openInto(networks, flags, protocol);
    if (protocol !== undefined) await checkWithProtocol(protocol, networks, flags);
    await report(terminal, await measure(terminal, models, { images, networks, flags, protocol }), flags);
  } finally {
    await Promise.all([networks.lpips?.release(), networks.fid?.release()]);
    for (const { loaded } of models) loaded.model.dispose();
  }
}

/** @throws UsageError for flags that a queue does not take, or that mean nothing without one */
function checkQueueFlags(flags: Flags): void {
  const isQueued = queueAddress(flags) !== undefined;
  if (!isQueued && flags.resume === true) {
    throw new UsageError("--resume: expected --queue with it, got none. Give both or none.");
  }
  if (!isQueued || flags.protocol === undefined) return;
  throw new UsageError(
    "--protocol: expected no --queue with it, got one. Measure by a protocol on one machine.",
  );
}

async function openInto(
  networks: Networks,
  flags: Flags,
  protocol: EvaluationProtocol | undefined,
): Promise<void> {
  const { FeatureNetwork, readReferenceStatistics } = await import("../../src/evaluation/index.js");
  const { lpips, fid, fidReference } = flags;
  if (lpips !== undefined) networks.lpips = await openDistance(lpips, flags);
  if (fid !== undefined) {
    const input = protocol === undefined ? {} : { input: protocol.fid.input };
    networks.fid = await FeatureNetwork.open(fid, { threads: flags.threads, ...input });
  }
  if (fidReference === undefined) return;
  requireFlag(fid, ["--fid <file>", "the network whose statistics --fid-reference has"]);
  networks.fidReference = await readReferenceStatistics(fidReference);
}

/** LPIPS by the files of its network, as `vgg=FILE,heads=FILE`, or by one ONNX file. */
async function openDistance(text: string, flags: Flags): Promise<ImageDistance> {
  const { DistanceNetwork, FeatureDistance } = await import("../../src/evaluation/index.js");
  if (!isNetworkSpec(text)) return DistanceNetwork.open(text, flags);
  return FeatureDistance.open(networkSpec(text));
}

async function loadInto(models: NamedModel[], paths: readonly string[]): Promise<void> {
  const { checkDecoder } = await import("../../src/autoencoder/index.js");
  const { loadModel } = await import("../../src/tokenizer/index.js");
  const names = shortNames(paths);
  for (const [i, path] of paths.entries()) {
    const model = { name: names[i] as string, path, loaded: await loadModel(path) };
    models.push(model);
    checkDecoder(model.loaded.model.config, path);
  }
}

interface Request {
  readonly images: readonly string[];
  readonly networks: Networks;
  readonly flags: Flags;
  readonly protocol: EvaluationProtocol | undefined;
}

/** What was measured of one model. */
interface Measured {
  readonly model: NamedModel;
  readonly evaluation: Omit<Evaluation, "examples">;
}

interface Results {
  readonly measured: readonly Measured[];
  readonly meanColour: EvaluationFigures;
  /** The same of all: the images are, and so are the networks. */
  readonly conventions: MetricCard;
  /** What was measured by a published protocol. */
  readonly protocol?: ProtocolSummary;
  /** What was met on the way, for JSON. */
  readonly met: Readonly<Record<string, unknown>>;
}

async function measure(
  terminal: Terminal,
  models: readonly NamedModel[],
  { images, networks, flags, protocol }: Request,
): Promise<Results> {
  const { ENLARGEMENT_SAMPLE } = await import("../../src/data/index.js");
  const { evaluationCard } = await import("../../src/evaluation/index.js");
  const { protocolSummary } = await import("../../src/evaluation/protocols/index.js");
  const { checkSize } = await import("../../src/training/index.js");
  const { quiet = false } = flags;
  const settings = protocol === undefined ? {} : protocolSettings(protocol);
  const configs = await evaluationConfigs(models, { images, ...flags, ...settings });
  const [config] = configs as [(typeof configs)[number]];
  const { data, loss, batchSize } = config;
  const broken = new BrokenImages(terminal, { quiet });
  const passedOver = await PassedOverNote.create(terminal, { quiet });
  const leftOut = new LeftOutImages(terminal, { quiet });
  const hooks = {
    ...broken.hooks,
    onPassedOver: passedOver.report,
    onLeftOut: leftOut.report,
    onFetch: hubNote(terminal, { quiet }),
  };
  const { dataset, batches } = await openImages({ data, batchSize, protocol }, hooks);
  const sample = await dataset.evaluation.sample(ENLARGEMENT_SAMPLE);
  for (const each of configs) await checkSize(each, sample, { use: "evaluation" });
  const { evaluations, meanColour } =
    flags.queue === undefined
      ? await evaluatedHere(terminal, models, { config, dataset, batches, networks, quiet })
      : await evaluatedOnQueue(terminal, models, { config, networks, flags, broken });
  broken.summarise();
  leftOut.summarise();
  const measured = models.map((model, i) => ({
    model,
    evaluation: evaluations[i] as Measured["evaluation"],
  }));
  const [{ evaluation }] = measured as [Measured];
  const summary = protocol && protocolSummary(protocol, evaluation.figures);
  return {
    measured,
    ...(summary === undefined ? {} : { protocol: summary }),
    meanColour,
    conventions: evaluationCard(evaluation, { loss, data, set: "all files", protocol: summary }),
    met: {
      broken: broken.list(),
      notes: broken.notes(),
      passedOver: passedOver.counts,
      leftOut: leftOut.list(),
      ...(flags.allowMixed === true ? { allowMixed: true } : {}),
    },
  };
}

async function report(terminal: Terminal, results: Results, flags: Flags): Promise<void> {
  const { writeFileAtomic } = await import("../../src/files/index.js");
  const { modelsCsv, modelsNotes, renderFiguresTable, renderModelsTable, originLines } = await import(
    "../../src/reports/index.js"
  );
  const { quiet = false, json = false, csv } = flags;
  const { measured, meanColour, conventions, met, protocol } = results;
  const by = { ...(protocol === undefined ? {} : { protocol }), conventions };
  const [{ model, evaluation }] = measured as [Measured];
  const isAlone = measured.length === 1;
  // What is warned of are the networks and the images, which all models have in common.
  for (const warning of evaluation.warnings) note(terminal, `warning: ${warning}`, { quiet });
  const models = measured.map(describe);
  if (json && isAlone) {
    printJson(terminal, { ...jsonOf(evaluation), ...originOf(model), meanColour, ...by, ...met });
  } else if (json) {
    const all = measured.map((each, i) => ({ ...models[i], ...jsonOf(each.evaluation) }));
    printJson(terminal, { models: all, meanColour, ...by, ...met });
  } else if (isAlone) {
    print(terminal, renderFiguresTable({ model: evaluation.figures, "mean colour": meanColour }));
    print(terminal, ["", evaluationNotes(evaluation, conventions)].join("\n"));
    for (const line of originLines(model.loaded.origin)) print(terminal, `\n${line}`);
  } else {
    print(terminal, renderModelsTable(models, meanColour));
    print(terminal, `\n${severalNotes(modelsNotes(models), { evaluation, conventions })}`);
  }
  if (protocol !== undefined && !json) print(terminal, `\n${protocolNotes(protocol)}`);
  if (csv === undefined) return;
  await writeFileAtomic(csv, modelsCsv(models, meanColour));
  if (!json) print(terminal, `\nWritten: ${csv}`);
}

function describe({ model: { name, path, loaded }, evaluation: { figures } }: Measured) {
  const { config, quantizer } = loaded.model;
  const { codebookSize, numCodebooks } = quantizer;
  return {
    ...{ name, path, fingerprint: loaded.fingerprint, ...originOf({ loaded }) },
    ...{ downsamplingFactor: config.downsamplingFactor, codebookSize, numCodebooks, figures },
  };
}

function jsonOf({ figures, geometry, notMeasured, warnings }: Measured["evaluation"]) {
  return { figures, geometry, notMeasured, warnings };
}

function originOf({ loaded: { origin } }: Pick<NamedModel, "loaded">) {
  return origin === undefined ? {} : { origin };
}
