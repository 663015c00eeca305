import { existsSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { valueAt } from "../../src/core/objects.js";
import { shellQuoted } from "../../src/core/shell.js";
import { lastSteps } from "../../src/core/usage-words.js";
import type { InitializationProgress } from "../../src/quantizers/index.js";
import type { Finding, LiveDiagnosis } from "../../src/reports/index.js";
import type {
  ResumeOptions,
  RunOptions,
  StepMetrics,
  Trainer,
  TrainerHooks,
  TrainingPhase,
  TrainingResult,
} from "../../src/training/index.js";
import { BrokenImages } from "../broken-images.js";
import type { ConfigObject } from "../config-file.js";
import { DATA_FLAGS } from "../data-flags.js";
import { addRunFlags, finishRunCommand } from "../declare-flags.js";
import { DRY_RUN_FLAG, DRY_RUN_HELP, printMeasuredRun } from "../dry-run.js";
import { Interrupted, UsageError } from "../errors.js";
import { type FlagValues, freeRunFolder } from "../gather-config.js";
import { hubNote } from "../hub-note.js";
import { LeftOutImages } from "../left-out.js";
import { loggerHooks, TENSORBOARD_FLAG, TENSORBOARD_HELP } from "../loggers.js";
import { modelEvidence } from "../model-evidence.js";
import { resumedFolder } from "../newest-run.js";
import { PassedOverNote } from "../passed-over.js";
import { describeFinding, describeResumed, describeRun } from "../run-description.js";
import { LOSS_FLAGS, QUANTIZER_FLAGS, RESUME_FLAGS, SOURCE_FLAGS, TRAINING_FLAGS } from "../run-flags.js";
import { note, print, printJson, type Terminal } from "../terminal.js";
import { startTrainingDisplay, type TrainingDisplay } from "../training-display.js";

const FLAGS = [
  ...QUANTIZER_FLAGS,
  ...TRAINING_FLAGS,
  ...DATA_FLAGS,
  ...LOSS_FLAGS,
  ...SOURCE_FLAGS,
  ...RESUME_FLAGS,
];

export function addTrain(program: Command, terminal: Terminal): void {
  const command = program
    .command("train")
    .description("train one image tokenizer and write its run folder")
    .argument(
      "[images...]",
      "folders, glob patterns or files: images, tar shards, Parquet (unless the configuration names them)",
    );
  addRunFlags(command, FLAGS);
  command
    .option(
      "-o, --out <dir>",
      "run folder to write (default: runs/QUANTIZER, or runs/QUANTIZER-2 ... when taken)",
    )
    .option("--overwrite", "replace an earlier run in that folder")
    .option(TENSORBOARD_FLAG, TENSORBOARD_HELP)
    .option(DRY_RUN_FLAG, DRY_RUN_HELP)
    .option(
      "--resume [run]",
      "resume the run in this folder from its newest checkpoint, without one the newest run in runs/; other flags change what may change",
    );
  finishRunCommand(command, {
    flags: FLAGS,
    json: "print the summary as JSON on stdout",
    body: (config, values) => train(terminal, config, values),
  });
}

async function train(terminal: Terminal, written: ConfigObject, values: FlagValues): Promise<void> {
  const { renderFiguresTable, writeRunReport } = await import("../../src/reports/index.js");
  const { RunFolder } = await import("../../src/runs/index.js");
  if (values.fromCodebook !== undefined && valueAt(written, "from.model") === undefined) {
    throw new UsageError("--from-codebook: expected --from MODEL beside it, got none. Name the model.");
  }
  const quiet = values.quiet === true;
  const broken = new BrokenImages(terminal, { quiet });
  const phases = new PhaseRelay();
  const passedOver = await PassedOverNote.create(terminal, { quiet });
  const leftOut = new LeftOutImages(terminal, { quiet });
  const resume = await resumedFolder(terminal, values, "run");
  const hooks: TrainerHooks = {
    ...broken.hooks,
    onPassedOver: passedOver.report,
    onLeftOut: leftOut.report,
    onFetch: hubNote(terminal, { quiet }),
    onPhase: phases.report,
    onInitialization: phases.initialization,
    ...(await loggerHooks(values, resume, (line) => {
      if (quiet || phases.display === undefined) note(terminal, line);
      else phases.display.note(line);
    })),
  };
  if (resume === undefined && values.checkpoint !== undefined) {
    throw new UsageError("--checkpoint: expected --resume RUN beside it, got none. Name the run.");
  }
  if (values.dryRun === true) {
    await dryRun(terminal, written, { hooks, resume, json: values.json === true });
    broken.summarise();
    return;
  }
  const { trainer, out, notes } =
    resume === undefined ? await start(written, hooks) : await resumeRun(resume, { written, values, hooks });
  try {
    for (const line of [...describeRun(trainer.describe()), ...notes]) note(terminal, line, { quiet });
    broken.name();
    leftOut.summarise();
    const result = await runTraining(terminal, trainer, { out, quiet, values, phases });
    broken.summarise();
    await writeRunReport(await RunFolder.open(out), await evidenceOf(terminal, trainer, { out, quiet }));
    const { evaluation, untrained, meanColour, training, conventions } = result;
    if (values.json === true) {
      printJson(terminal, {
        dir: out,
        final: evaluation.figures,
        untrained,
        meanColour,
        training,
        conventions,
        broken: broken.list(),
        notes: broken.notes(),
        passedOver: passedOver.counts,
        leftOut: leftOut.list(),
      });
    } else {
      print(
        terminal,
        renderFiguresTable({ trained: evaluation.figures, untrained, "mean colour": meanColour }),
      );
      print(
        terminal,
        `\nEvaluated on ${evaluation.images} crops of ${conventions.evaluationSet}, usage too; while training, usage was of ${lastSteps(trainer.config.usageWindow)}. Written: ${out}`,
      );
    }
  } finally {
    trainer.dispose();
  }
}

/** What the model that was trained shows on the page of its run, computed as it was trained. */
async function evidenceOf(
  terminal: Terminal,
  { config: { engine, device, threads } }: Trainer,
  { out, quiet }: { readonly out: string; readonly quiet: boolean },
) {
  const chosen = { engine, device, ...(threads === null ? {} : { threads }) };
  return modelEvidence(terminal, out, { engine: chosen, quiet });
}

/** Measures what a new run would take. */
async function dryRun(
  terminal: Terminal,
  written: ConfigObject,
  {
    hooks,
    resume,
    json,
  }: { readonly hooks: TrainerHooks; readonly resume: string | undefined; readonly json: boolean },
): Promise<void> {
  if (resume !== undefined) {
    throw new UsageError("--dry-run: expected a new run, got --resume. Leave one of them out.");
  }
  const { measureRun, planRun } = await import("../../src/training/index.js");
  const plan = await planRun(written as unknown as RunOptions); // checked there
  const measurement = await measureRun(plan, { ...hooks, signal: terminal.signal });
  printMeasuredRun(terminal, measurement, { steps: plan.config.steps, json });
}

/** A trainer, the folder that it writes, and what to tell the user first. */
interface Prepared {
  readonly trainer: Trainer;
  readonly out: string;
  readonly notes: readonly string[];
}

/** A new run. */
async function start(written: ConfigObject, hooks: TrainerHooks): Promise<Prepared> {
  const { planRun, Trainer } = await import("../../src/training/index.js");
  const planned = await planRun(written as unknown as RunOptions); // checked there
  const { quantizer, from, freeze, overwrite } = planned.config;
  const out = planned.config.out ?? freeRunFolder(quantizer.kind, existsSync, overwrite);
  const trainer = await Trainer.create(planned.writtenTo(out), hooks);
  const frozen = freeze.length === 0 ? "" : `; frozen: ${freeze.join(", ")}`;
  const source = from === null ? [] : [`from       ${from.model}, codebook: ${from.codebook}${frozen}`];
  return { trainer, out, notes: source };
}

/** A run that is resumed. */
async function resumeRun(
  out: string,
  {
    written,
    values,
    hooks,
  }: { readonly written: ConfigObject; readonly values: FlagValues; readonly hooks: TrainerHooks },
): Promise<Prepared> {
  const { Trainer } = await import("../../src/training/index.js");
  const { out: other, overwrite, ...changes } = written;
  if (values.from !== undefined) {
    throw new UsageError(
      "--from: expected no --resume with it: a run that is resumed has its own weights. Leave one out.",
    );
  }
  if (overwrite === true) throw new UsageError("--resume: expected no --overwrite. Leave one of them out.");
  if (typeof other === "string" && path.resolve(other) !== path.resolve(out)) {
    throw new UsageError(`--resume ${out}: expected no other folder to write, got ${other}. Leave it out.`);
  }
  const trainer = await Trainer.resume(out, hooks, changes as ResumeOptions);
  return { trainer, out, notes: describeResumed(trainer) };
}

/** Hands the phases of a trainer to a display that starts after it. */
class PhaseRelay {
  display: Pick<TrainingDisplay, "phase" | "initialization" | "note"> | undefined;

  readonly report = (phase: TrainingPhase): void => this.display?.phase(phase);

  readonly initialization = (progress: InitializationProgress): void =>
    this.display?.initialization(progress);
}

interface TrainingContext {
  readonly out: string;
  readonly quiet: boolean;
  readonly values: FlagValues;
  readonly phases: PhaseRelay;
}

/** Trains to the end, showing how far it is and what is going wrong. @throws Interrupted saying how to resume */
async function runTraining(
  terminal: Terminal,
  trainer: Trainer,
  { out, quiet, values, phases }: TrainingContext,
): Promise<TrainingResult> {
  const { NonFiniteError } = await import("../../src/training/index.js");
  const { steps, quantizer } = trainer.config;
  const { doctor, notes } = await doctorOf(trainer, out);
  for (const line of notes) note(terminal, line, { quiet });
  let done = trainer.resumed?.step ?? 0;
  const display = startTrainingDisplay(terminal, { kind: quantizer.kind, steps, done, quiet });
  phases.display = display;
  try {
    for await (const metrics of trainer.run({ signal: terminal.signal })) {
      done = metrics.step;
      display.step(metrics);
      const event = describeEvent(metrics);
      if (event !== undefined) display.note(event);
      tell(display, `step ${done}`, doctor.add(metrics));
    }
    // The loop ended by itself, so there is a result.
    const result = trainer.result as TrainingResult;
    const { evaluation, meanColour } = result;
    tell(
      display,
      "at the end",
      doctor.finish({
        final: evaluation.figures,
        heldOut: trainer.describe().heldOut,
        meanColourPsnr: meanColour.psnr,
      }),
    );
    return result;
  } catch (error) {
    display.stop();
    if (error instanceof NonFiniteError) {
      const saved = await lastCheckpoint(out);
      if (saved !== undefined) {
        display.note(
          `The checkpoint of step ${saved} stands. To resume from there: ${resumeCommand(out, values)}`,
        );
      }
    }
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(
      `Interrupted after step ${done} of ${steps}. To resume: ${resumeCommand(out, values)}`,
    );
  } finally {
    display.stop();
  }
}

/** The step of a run's newest checkpoint; undefined without one, and where the folder cannot be read. */
async function lastCheckpoint(out: string): Promise<number | undefined> {
  const { RunFolder } = await import("../../src/runs/index.js");
  const { VqkitError } = await import("../../src/core/errors.js");
  try {
    const [newest] = await (await RunFolder.open(out)).checkpoints({ keep: 1 }).list();
    return newest?.step;
  } catch (error) {
    if (!(error instanceof VqkitError)) throw error;
    return undefined; // Why training ended has still to be told.
  }
}

function tell(display: TrainingDisplay, when: string, findings: readonly Finding[]): void {
  for (const finding of findings) display.note(describeFinding(when, finding));
  const [gravest] = findings;
  if (gravest !== undefined) display.finding(gravest);
}

/** The doctor for a training about to start, who knows the steps that a resumed run has had. */
async function doctorOf(
  trainer: Trainer,
  out: string,
): Promise<{ readonly doctor: LiveDiagnosis; readonly notes: readonly string[] }> {
  const { LiveDiagnosis } = await import("../../src/reports/index.js");
  const { RunFolder } = await import("../../src/runs/index.js");
  const { VqkitError } = await import("../../src/core/errors.js");
  const { codebookSize, codeDim } = trainer.describe().quantizer;
  const { config } = trainer;
  const { steps, warmupSteps } = config;
  const doctor = new LiveDiagnosis({ codebookSize, codeDim, plannedSteps: steps, config }, { warmupSteps });
  const done = trainer.resumed?.step ?? 0;
  if (done === 0) return { doctor, notes: [] };
  try {
    for await (const metrics of (await RunFolder.open(out)).metrics()) {
      if (Number(metrics.step) <= done) doctor.recall(metrics);
    }
    return { doctor, notes: [] };
  } catch (error) {
    if (!(error instanceof VqkitError)) throw error;
    // Training does not read these lines, so it need not end for them.
    return {
      doctor,
      notes: [`warning    the doctor does not know all of the earlier steps: ${error.message}`],
    };
  }
}

/** What a step that was out of the ordinary has to say. */
function describeEvent({ step, nonFinite, skipped, rolledBackFrom }: StepMetrics): string | undefined {
  if (nonFinite === undefined) return undefined;
  return skipped
    ? `warning    step ${step} skipped: not finite: ${nonFinite}`
    : `warning    back from step ${rolledBackFrom} to step ${step - 1}: not finite: ${nonFinite}`;
}

function resumeCommand(out: string, values: FlagValues): string {
  const modules = ((values.quantizerModule as string[] | undefined) ?? []).flatMap((file) => [
    "--quantizer-module",
    file,
  ]);
  const words = ["vqkit", "train", "--resume", out, ...modules];
  return words.map(shellQuoted).join(" ");
}
