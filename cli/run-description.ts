import { lastSteps, stepsInWindow } from "../src/core/usage-words.js";
import type { InitializationProgress } from "../src/quantizers/index.js";
import type { Finding } from "../src/reports/index.js";
import type { RunDescription, StepMetrics, Trainer } from "../src/training/index.js";

/** What a run is made of, in a few lines: model, quantizer, images, engine, and what to be warned of. */
export function describeRun(run: RunDescription): string[] {
  return [
    ...describeShared(run),
    `quantizer  ${describeQuantizer(run.quantizer)}`,
    ...describeRecipe(run),
    ...describeWarnings(run),
  ];
}

/** Where a run resumes, what was damaged, and what is otherwise now. */
export function describeResumed({ resumed, config }: Pick<Trainer, "resumed" | "config">): string[] {
  if (resumed === null) return [];
  const { step, path, skipped, changes } = resumed;
  const place =
    path === null ? "from the start, for it has no checkpoint" : `after step ${step}, from ${path}`;
  return [
    ...skipped.map(({ reason }) => `warning    damaged checkpoint left out: ${reason}`),
    `resume     ${place}, to step ${config.steps}`,
    ...changes.map(
      ({ field, from, to }) => `changed    ${field}: ${JSON.stringify(from)} → ${JSON.stringify(to)}`,
    ),
  ];
}

/** What the runs of a comparison have in common. */
export function describeShared({
  model,
  engine,
  trainFiles,
  evaluationFiles,
  heldOut,
}: RunDescription): string[] {
  const [rows, columns] = model.latents;
  const held = heldOut ? `${evaluationFiles} held out for evaluation` : "evaluated on the same files";
  const cost = `${flop(model.forwardFlop)} an image forward (${flop(model.encodeFlop)} to encode, ${flop(model.trainingFlop)} a training step)`;
  return [
    `model      ${count(model.parameters)} parameters, ${cost}, latent grid ${rows}×${columns}`,
    `images     ${trainFiles} to train on, ${held}`,
    `engine     ${engine.name} ${engine.version}, ${describeDevice(engine)}${engine.threads} threads`,
  ];
}

/** `webgpu (NVIDIA RTX 4090), ` and nothing for the CPU, which is no news. */
function describeDevice({ device, adapter }: RunDescription["engine"]): string {
  if (device === "cpu") return "";
  return adapter === null ? `${device}, ` : `${device} (${adapter}), `;
}

/** `fsq, 1,000 codes (nearest to 1,024) of 4 numbers, nothing of its own to learn` */
export function describeQuantizer(quantizer: RunDescription["quantizer"]): string {
  const { kind, codebookSize, nominalCodebookSize, numCodebooks, codeDim, parameters } = quantizer;
  const nominal =
    nominalCodebookSize === null || nominalCodebookSize === codebookSize
      ? ""
      : ` (nearest to ${count(nominalCodebookSize)})`;
  const books = numCodebooks === 1 ? "" : ` in each of ${numCodebooks} codebooks`;
  const own = parameters === 0 ? "nothing of its own to learn" : `${count(parameters)} parameters`;
  return `${kind}, ${count(codebookSize)} codes${nominal} of ${codeDim} numbers${books}, ${own}`;
}

/** The named settings that a run has, and how to have the paper's. */
export function describeRecipe({ recipe }: RunDescription): string[] {
  if (recipe === null) return [];
  const other = recipe.name === "paper" ? "" : "; --recipe paper has each quantizer as in its paper";
  return [`recipe     ${recipe.name}: ${recipe.effect}${other}`];
}

export function describeWarnings({ warnings }: RunDescription): string[] {
  return warnings.map((warning) => `warning    ${warning}`);
}

/** The figures of a step that a progress bar has room for. */
export function describeStep(metrics: StepMetrics): string {
  const { reconstructionLoss, usage } = metrics;
  const counted = lastSteps(stepsInWindow(metrics));
  return `loss ${reconstructionLoss.toPrecision(3)}, usage of ${counted} ${(100 * usage).toFixed(1)} %`;
}

/** How far the choosing of the first codes is; only that it continues, while that is not known. */
export function describeInitialization(progress?: InitializationProgress): string {
  const share = progress && ` ${Math.floor((100 * progress.done) / progress.total)} %`;
  return `choosing the first codes${share ?? ""}`;
}

/** What the doctor found in a training under way. @param when e.g. "step 280" */
export function describeFinding(when: string, { rule, title, severity, seen, remedies }: Finding): string {
  const [first] = remedies;
  return `doctor     ${when}: ${severity}: ${title} (${rule}): ${seen}.${first === undefined ? "" : ` Try: ${first}.`}`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Floating-point operations with a prefix: `2.65 GFLOP`. */
function flop(value: number): string {
  return value >= 1e9 ? `${(value / 1e9).toPrecision(3)} GFLOP` : `${(value / 1e6).toPrecision(3)} MFLOP`;
}
