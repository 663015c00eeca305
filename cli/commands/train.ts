import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { Trainer, TrainingResult } from "../../src/index.js";
import { BrokenImages } from "../broken-images.js";
import { type ConfigObject, valueAt, withValue } from "../config-file.js";
import { Interrupted } from "../errors.js";
import { startProgress } from "../progress.js";
import { describeRun, describeStep } from "../run-description.js";
import {
  addRunFlags,
  type FlagValues,
  finishRunCommand,
  freeRunFolder,
  QUANTIZER_FLAGS,
  TRAINING_FLAGS,
} from "../run-flags.js";
import { note, print, printJson, type Terminal } from "../terminal.js";

const FLAGS = [...QUANTIZER_FLAGS, ...TRAINING_FLAGS];

export function addTrain(program: Command, terminal: Terminal): void {
  const command = program
    .command("train")
    .description("train one image tokenizer and write its run folder")
    .argument("[images...]", "folders, glob patterns or files (unless the configuration names them)");
  addRunFlags(command, FLAGS);
  command
    .option(
      "--out <dir>",
      "run folder to write (default: runs/QUANTIZER, or runs/QUANTIZER-2 ... when taken)",
    )
    .option("--overwrite", "replace an earlier run in that folder");
  finishRunCommand(command, {
    flags: FLAGS,
    json: "print the summary as JSON on stdout",
    body: (config, values) => train(terminal, config, values),
  });
}

async function train(terminal: Terminal, written: ConfigObject, values: FlagValues): Promise<void> {
  const { renderFiguresTable, resolveRun, RunFolder, Trainer, writeRunReport } = await import(
    "../../src/index.js"
  );
  const quiet = values.quiet === true;
  const { options, out, notes } = withDefaults(written);
  const config = resolveRun(options);
  await RunFolder.check(out, { overwrite: config.overwrite });

  const broken = new BrokenImages(terminal, { quiet });
  const trainer = await Trainer.create(config, { onBroken: broken.report });
  try {
    for (const line of [...describeRun(trainer.describe()), ...notes]) note(terminal, line, { quiet });
    broken.name();
    const result = await runTraining(terminal, trainer, { out, quiet });
    broken.summarise();
    await writeRunReport(await RunFolder.open(out));
    const { evaluation, untrained, meanColour, training, conventions } = result;
    if (values.json === true) {
      printJson(terminal, {
        dir: out,
        final: evaluation.figures,
        untrained,
        meanColour,
        training,
        conventions,
      });
    } else {
      print(
        terminal,
        renderFiguresTable({ trained: evaluation.figures, untrained, "mean colour": meanColour }),
      );
      print(
        terminal,
        `\nEvaluated on ${evaluation.images} crops of ${conventions.evaluationSet}. Written: ${out}`,
      );
    }
  } finally {
    trainer.dispose();
  }
}

/** Trains to the end, showing how far it is. @throws Interrupted with what was left */
async function runTraining(
  terminal: Terminal,
  trainer: Trainer,
  { out, quiet }: { readonly out: string; readonly quiet: boolean },
): Promise<TrainingResult> {
  const { steps, quantizer } = trainer.config;
  const progress = startProgress(terminal, {
    label: `training ${quantizer.kind}`,
    total: steps,
    unit: "steps",
    quiet,
  });
  let done = 0;
  try {
    for await (const metrics of trainer.run({ signal: terminal.signal })) {
      done = metrics.step;
      progress.update(done, describeStep(metrics));
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(`Interrupted after step ${done} of ${steps}. What there is stands in ${out}.`);
  } finally {
    progress.stop();
  }
  // The loop ended by itself, so there is a result.
  return trainer.result as TrainingResult;
}

/** Fills in what the command line decides and the library leaves open; the notes say so where it matters. */
function withDefaults(written: ConfigObject): {
  readonly options: ConfigObject;
  readonly out: string;
  readonly notes: readonly string[];
} {
  const notes: string[] = [];
  let options = written;
  if (valueAt(options, "quantizer.kind") === undefined) options = withValue(options, "quantizer.kind", "vq");
  const kind = String(valueAt(options, "quantizer.kind"));
  const aided = ["initialization", "codebook", "codebookWeight"].map((name) => `quantizer.${name}`);
  if (kind === "vq" && aided.every((field) => valueAt(options, field) === undefined)) {
    options = withValue(options, "quantizer.codebook", "ema");
    options = withValue(options, "quantizer.initialization", "kmeans");
    notes.push(
      "note       vq has a codebook of moving averages that starts from k-means centres, which keeps more codes in use; --set quantizer.codebook=free --set quantizer.initialization=uniform is the paper's plain form",
    );
  }
  const out =
    typeof options.out === "string"
      ? options.out
      : freeRunFolder(kind, existsSync, options.overwrite === true);
  return { options: { ...options, out }, out, notes };
}
