import type { Command } from "commander";
import type { ImageAutoencoder } from "../../src/autoencoder/index.js";
import { withValue } from "../../src/core/objects.js";
import type { ImageBatch } from "../../src/data/index.js";
import type { GradientInspection } from "../../src/evaluation/index.js";
import type { RunConfig } from "../../src/training/index.js";
import { BrokenImages } from "../broken-images.js";
import { type ConfigObject, loadQuantizerModules } from "../config-file.js";
import { DATA_FLAGS, withImages } from "../data-flags.js";
import { addConfigFlags, addModelFlags, addRunFlags, type ModelFlags } from "../declare-flags.js";
import { engineOptions } from "../engine-options.js";
import { UsageError } from "../errors.js";
import { type FlagValues, gatherConfig, namingFlags } from "../gather-config.js";
import { PassedOverNote } from "../passed-over.js";
import { OVERSIZE_FLAG, OVERSIZE_HELP, QUANTIZER_FLAGS, TRAINING_FLAGS } from "../run-flags.js";
import { note, print, printJson, type Terminal } from "../terminal.js";

interface Flags extends ModelFlags {
  readonly images?: readonly string[];
  readonly fresh?: boolean;
  readonly plot?: string;
}

/** What a model and the batch depend on; flags that only training reads would have no effect here. */
const INSPECTION_FIELDS = ["model.", "quantizer.", "data.", "loss", "batchSize", "seed"];
const FLAGS = [...TRAINING_FLAGS, ...DATA_FLAGS, ...QUANTIZER_FLAGS].filter(
  ({ field }) =>
    field !== "data.heldOut" &&
    field !== "data.filesFrom" &&
    INSPECTION_FIELDS.some((start) => field.startsWith(start)),
);

export function addInspect(program: Command, terminal: Terminal): void {
  const inspect = program.command("inspect").description("look into a model on a batch of images");
  const command = inspect
    .command("gradients")
    .description(
      "compare what each gradient estimator tells the encoder with straight-through and with the true loss",
    )
    .argument("[run]", "run folder; without one, --fresh")
    .option("--images <paths...>", "folders, glob patterns or files (default: those of the run)")
    .option("--fresh", "an untrained model, of the flags below and --images")
    .option("--plot <file>", "write the agreement with the true loss as an SVG file");
  addRunFlags(command, FLAGS);
  command.option(OVERSIZE_FLAG, OVERSIZE_HELP);
  addConfigFlags(command);
  addModelFlags(command);
  command.action((run: string | undefined, flags: Flags) =>
    namingFlags(flags, FLAGS, () => inspectBatch(terminal, run, flags)),
  );
}

async function inspectBatch(terminal: Terminal, run: string | undefined, flags: Flags): Promise<void> {
  const { json = false, quiet = false, plot } = flags;
  if ((run === undefined) !== (flags.fresh === true)) {
    throw new UsageError("expected either a run folder or --fresh with --images, got both or neither.");
  }
  if (flags.fresh === true && flags.images === undefined) {
    throw new UsageError("--fresh: expected --images, a folder, a glob pattern or files, got none.");
  }
  const { selectEngine } = await import("../../src/backend/index.js");
  const { inspectGradients } = await import("../../src/evaluation/index.js");
  const { writeFileAtomic } = await import("../../src/files/index.js");
  const { gradientPlot, renderGradients } = await import("../../src/reports/index.js");
  const { loadModel } = await import("../../src/tokenizer/index.js");
  await loadQuantizerModules(flags.quantizerModule ?? []);
  await selectEngine(engineOptions(flags));
  const config = run === undefined ? await freshConfig(flags) : await runConfig(run, flags);
  const batch = await firstBatch(terminal, config, quiet);
  const model = run === undefined ? await freshModel(config) : (await loadModel(run)).model;
  let inspection: GradientInspection;
  try {
    inspection = await inspectGradients(model, batch, { loss: config.loss });
  } finally {
    model.dispose();
  }
  if (plot !== undefined) await writeFileAtomic(plot, gradientPlot(inspection));
  if (json) printJson(terminal, inspection);
  else print(terminal, renderGradients(inspection));
  if (plot !== undefined) note(terminal, `Written: ${plot}`, { quiet });
}

/** The configuration of a model that nobody has trained. */
async function freshConfig(flags: Flags): Promise<RunConfig> {
  const { resolveRun } = await import("../../src/training/index.js");
  const given = await gatherConfig(flags.images ?? [], flags as unknown as FlagValues, FLAGS);
  // Nothing is trained, and no codebook is set from data: of settings for training none is meant.
  return resolveRun({ recipe: null, ...given });
}

/** The configuration of a run, on its own images or others; the model's own flags would contradict the run. */
async function runConfig(run: string, flags: Flags): Promise<RunConfig> {
  const { RunFolder } = await import("../../src/runs/index.js");
  const { resolveRun } = await import("../../src/training/index.js");
  const values = flags as unknown as FlagValues;
  if (values.config !== undefined || values.set !== undefined) {
    throw new UsageError("--config, --set: expected only with --fresh; a run has its own configuration.");
  }
  let config: ConfigObject = { ...(await (await RunFolder.open(run)).readConfig()) };
  for (const { flag, field } of FLAGS) {
    const name = flag.replace(/^--| .*$/g, "").replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    const value = values[name];
    if (value === undefined) continue;
    if (/^(model|quantizer)\./.test(field)) {
      throw new UsageError(`${flag.split(" ")[0]}: expected only with --fresh; a run has its own model.`);
    }
    config = withValue(config, field, value);
  }
  if (flags.images !== undefined) config = withImages(config, flags.images, undefined);
  if (values.allowOversize === true) config = withValue(config, "allowOversize", true);
  return resolveRun(config);
}

/** The first batch that a training with this seed sees. */
async function firstBatch(terminal: Terminal, config: RunConfig, quiet: boolean): Promise<ImageBatch> {
  const { ENLARGEMENT_SAMPLE, ImageDataset } = await import("../../src/data/index.js");
  const { checkSize } = await import("../../src/training/index.js");
  const { data, seed, batchSize } = config;
  const broken = new BrokenImages(terminal, { quiet });
  const passedOver = await PassedOverNote.create(terminal, { quiet });
  const dataset = await ImageDataset.open({ ...data, heldOut: 0 }, seed, {
    ...broken.hooks,
    onPassedOver: passedOver.report,
  });
  await checkSize(config, await dataset.train.sample(ENLARGEMENT_SAMPLE));
  for await (const batch of dataset.trainBatches({ batchSize })) {
    broken.summarise();
    return batch;
  }
  throw new TypeError("training batches have no end");
}

async function freshModel({ model, quantizer, seed }: RunConfig): Promise<ImageAutoencoder> {
  const { ImageAutoencoder } = await import("../../src/autoencoder/index.js");
  const { createQuantizer } = await import("../../src/quantizers/index.js");
  return ImageAutoencoder.create({ config: model, quantizer: createQuantizer(quantizer, seed), seed });
}
