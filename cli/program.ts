import { createRequire } from "node:module";
import { Command } from "commander";
import picocolors from "picocolors";
import { hasColours } from "./colour.js";
import { addCompare } from "./commands/compare.js";
import { addCompletion } from "./commands/completion.js";
import { addDecode } from "./commands/decode.js";
import { addDoctor } from "./commands/doctor.js";
import { addEncode } from "./commands/encode.js";
import { addEvaluate } from "./commands/evaluate.js";
import { addExport } from "./commands/export.js";
import { addImport } from "./commands/import.js";
import { addInspect } from "./commands/inspect.js";
import { addPlan } from "./commands/plan.js";
import { addPrune } from "./commands/prune.js";
import { addQuantizers } from "./commands/quantizers.js";
import { addReport } from "./commands/report.js";
import { addTrain } from "./commands/train.js";
import { addTry } from "./commands/try.js";
import { addUi } from "./commands/ui.js";
import { addWorker } from "./commands/worker.js";
import { EXIT, type Explanation, explain } from "./errors.js";
import { FIRST_STEPS } from "./first-steps.js";
import { addHabits } from "./habits.js";
import { isTerminal } from "./is-terminal.js";
import { noteFailure, print, printed, type Terminal, watchStreams } from "./terminal.js";

const { createColors } = picocolors;

/**
 * Runs one command line.
 *
 * @param argv what follows the program's name
 * @returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted
 */
export async function run(argv: readonly string[], terminal: Terminal): Promise<number> {
  watchStreams(terminal);
  const { code, line } = await outcomeOf(argv, terminal);
  if (line !== undefined) noteFailure(terminal, line);
  return code;
}

async function outcomeOf(argv: readonly string[], terminal: Terminal): Promise<Explanation> {
  if (argv.length === 0 && isTerminal(terminal.stdout)) {
    print(terminal, FIRST_STEPS);
    return { code: EXIT.usage };
  }
  try {
    await buildProgram(terminal).parseAsync([...argv], { from: "user" });
  } catch (error) {
    const explanation = await explain(error);
    if (explanation.code !== EXIT.done) return explanation;
  }
  try {
    await printed(terminal);
    return { code: EXIT.done };
  } catch (error) {
    return explain(error);
  }
}

/** All commands with their flags. */
export function buildProgram(terminal: Terminal): Command {
  const { version } = createRequire(import.meta.url)("vqkit/package.json") as { version: string };
  // Commander takes them out again where a stream is to have none.
  const { bold, cyan } = createColors(true);
  const program = new Command("vqkit")
    .description(
      "Train discrete image tokenizers, turn images into integers and back, see which codes are used.",
    )
    .version(version, "-v, --version", "print the version")
    .helpOption("-h, --help", "show this help")
    .exitOverride()
    // Errors are written once, by `run`; a command without its arguments shows its help as an error does.
    .configureOutput({
      writeOut: (text) => void terminal.stdout.write(text),
      writeErr: (text) => void terminal.stderr.write(text),
      outputError: () => {},
      getOutHasColors: () => hasColours(terminal.stdout),
      getErrHasColors: () => hasColours(terminal.stderr),
    })
    .configureHelp({ styleTitle: (title) => bold(title), styleSubcommandTerm: (term) => cyan(term) });
  for (const add of [
    addTrain,
    addCompare,
    addEncode,
    addWorker,
    addDecode,
    addEvaluate,
    addExport,
    addImport,
    addPrune,
    addReport,
    addUi,
    addTry,
    addQuantizers,
    addPlan,
    addDoctor,
    addInspect,
    addCompletion,
  ]) {
    add(program, terminal);
  }
  addHabits(program);
  return program;
}
