import type { Command } from "commander";
import type { QuantizerDescription } from "../../src/quantizers/index.js";
import type { textTable } from "../../src/reports/index.js";
import { loadQuantizerModules } from "../config-file.js";
import { addModuleFlag } from "../declare-flags.js";
import { print, printJson, type Terminal } from "../terminal.js";

type TextTable = typeof textTable;

interface Flags {
  readonly json?: boolean;
  readonly quantizerModule?: readonly string[];
}

export function addQuantizers(program: Command, terminal: Terminal): void {
  const command = program
    .command("quantizers")
    .description("list the kinds of quantizer, their papers and options")
    .option("--json", "print the list as JSON on stdout");
  addModuleFlag(command);
  command.action(async ({ json, quantizerModule = [] }: Flags) => {
    await loadQuantizerModules(quantizerModule);
    const { describeQuantizers } = await import("../../src/quantizers/index.js");
    const { textTable } = await import("../../src/reports/index.js");
    const kinds = describeQuantizers();
    if (json) printJson(terminal, kinds);
    else {
      const options = kinds.map((kind) => renderOptions(kind, textTable));
      print(terminal, [renderKinds(kinds, textTable), ...options].join("\n\n"));
    }
  });
}

function renderKinds(kinds: readonly QuantizerDescription[], table: TextTable): string {
  const rows = kinds.map(({ kind, options, paper }) => [
    kind,
    defaultOf(options, "codebook") ?? "implicit",
    defaultOf(options, "gradient") ?? "its own",
    paper === undefined ? "" : `arXiv ${paper.arxiv}  ${paper.title}`,
  ]);
  return table(rows, { head: ["kind", "codebook", "gradient", "paper"] });
}

function renderOptions({ kind, summary, options }: QuantizerDescription, table: TextTable): string {
  const rows = options.flatMap((option) => {
    const value = option.default === undefined ? "" : `= ${JSON.stringify(option.default)}`;
    return [
      [`  ${option.name}`, value, option.type, option.description],
      ...(option.choices ?? []).map((choice) => [`    ${choice.name}`, "", "", choice.summary]),
    ];
  });
  return `${kind}: ${summary}${rows.length === 0 ? "" : `\n${table(rows)}`}`;
}

function defaultOf(options: QuantizerDescription["options"], name: string): string | undefined {
  const value = options.find((option) => option.name === name)?.default;
  return value === undefined ? undefined : String(value);
}
