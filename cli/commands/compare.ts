import { existsSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import type { Comparison, ComparisonEvent, ComparisonOptions } from "../../src/index.js";
import { BrokenImages } from "../broken-images.js";
import type { ConfigObject } from "../config-file.js";
import { Interrupted, UsageError } from "../errors.js";
import { type Progress, startProgress } from "../progress.js";
import { describeQuantizer, describeShared, describeStep, describeWarnings } from "../run-description.js";
import {
  addRunFlags,
  type FlagValues,
  finishRunCommand,
  freeRunFolder,
  type RunFlag,
  TRAINING_FLAGS,
} from "../run-flags.js";
import { note, print, printJson, type Terminal } from "../terminal.js";
import { integer, integers, words } from "../values.js";

const COMPARISON_FLAGS: readonly RunFlag[] = [
  {
    flag: "--quantizers <list>",
    field: "quantizers",
    description: "kinds to compare, as vq,fsq (default: every registered kind)",
    parse: words,
  },
  {
    flag: "--codebook-size <n>",
    field: "codebookSize",
    description: "codes in every codebook; fsq takes the nearest size that its rule allows (default: 1024)",
    parse: integer,
  },
  {
    flag: "--seeds <list>",
    field: "seeds",
    description: "one run of each quantizer for each seed, as 0,1,2 (default: 0)",
    parse: integers,
  },
];
const FLAGS = [...COMPARISON_FLAGS, ...TRAINING_FLAGS];

export function addCompare(program: Command, terminal: Terminal): void {
  const command = program
    .command("compare")
    .description(
      "train several quantizers on the same images, order, first weights and budget; print one table",
    )
    .argument("[images...]", "folders, glob patterns or files (unless the configuration names them)");
  addRunFlags(command, FLAGS);
  command
    .option(
      "--out <dir>",
      "folder for the runs and the comparison (default: runs/comparison, or ...-2 when taken)",
    )
    .option("--overwrite", "replace earlier runs in that folder");
  finishRunCommand(command, {
    flags: FLAGS,
    json: "print the comparison as JSON on stdout",
    body: (config, values) => compare(terminal, config, values),
  });
}

async function compare(terminal: Terminal, config: ConfigObject, values: FlagValues): Promise<void> {
  const {
    buildComparison,
    compareQuantizers,
    renderComparisonTable,
    RunFolder,
    writeComparison,
    writeRunReport,
  } = await import("../../src/index.js");
  const quiet = values.quiet === true;
  const options = comparisonOptions(config);
  checkFree(options);
  const broken = new BrokenImages(terminal, { quiet });
  const watcher = new Watcher(terminal, quiet);
  const runs: string[] = [];
  try {
    const control = { signal: terminal.signal, onBroken: broken.report };
    for await (const event of compareQuantizers(options, control)) {
      watcher.show(event);
      if (event.type === "run-start") broken.name();
      if (event.type !== "run-end") continue;
      runs.push(event.dir);
      await writeRunReport(await RunFolder.open(event.dir));
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    throw new Interrupted(`Interrupted after ${runs.length} runs. What there is stands in ${options.out}.`);
  } finally {
    watcher.stop();
  }
  broken.summarise();

  const comparison: Comparison = await buildComparison(runs);
  const written = await writeComparison(options.out, comparison);
  if (values.json === true) printJson(terminal, comparison);
  else
    print(
      terminal,
      [renderComparisonTable(comparison), ...written.map((file) => `Written: ${file}`)].join("\n"),
    );
}

/** What the configuration says of the comparison itself, and the rest as what its runs have in common. */
function comparisonOptions(config: ConfigObject): ComparisonOptions {
  const { quantizers, codebookSize, seeds, overwrite, out, ...base } = config;
  const given = { quantizers, codebookSize, seeds, overwrite };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    out: out ?? freeRunFolder("comparison", existsSync, overwrite === true),
    base,
    // Checked by whoever takes it.
  } as unknown as ComparisonOptions;
}

/** Runs of other names would not meet the earlier ones, and their comparison would replace the earlier one unasked. */
function checkFree({ out, overwrite }: ComparisonOptions): void {
  if (overwrite === true || typeof out !== "string" || !existsSync(path.join(out, "comparison.json"))) return;
  throw new UsageError(
    `--out ${out}: expected a folder without a comparison, got one with comparison.json. Choose another, or add --overwrite.`,
  );
}

/** Tells on stderr how a comparison goes: what all runs share once, then each run with a bar of its own. */
class Watcher {
  readonly #terminal: Terminal;
  readonly #quiet: boolean;
  #progress: Progress | undefined;

  constructor(terminal: Terminal, quiet: boolean) {
    this.#terminal = terminal;
    this.#quiet = quiet;
  }

  show(event: ComparisonEvent): void {
    const quiet = this.#quiet;
    switch (event.type) {
      case "run-start": {
        const { description, config, index, total, quantizer, seed } = event;
        const lines = [
          ...(index === 0 ? describeShared(description) : []),
          `run ${index + 1}/${total}    ${describeQuantizer(description.quantizer)}; seed ${seed}`,
          ...describeWarnings(description),
        ];
        for (const line of lines) note(this.#terminal, line, { quiet });
        const label = `training ${quantizer}`;
        this.#progress = startProgress(this.#terminal, { label, total: config.steps, unit: "steps", quiet });
        break;
      }
      case "step": {
        this.#progress?.update(event.metrics.step, describeStep(event.metrics));
        break;
      }
      case "run-end": {
        this.stop();
        const { psnr } = event.result.evaluation.figures;
        if (psnr !== null)
          note(this.#terminal, `           PSNR ${psnr.toFixed(2)} dB. Written: ${event.dir}`, { quiet });
        break;
      }
      default:
        event satisfies never;
    }
  }

  stop(): void {
    this.#progress?.stop();
    this.#progress = undefined;
  }
}
