import { PassThrough } from "node:stream";
import type { Argument, Command, Option } from "commander";
import { buildProgram } from "./program.js";

const INTRODUCTION = `# Command line

Every command with its arguments and flags, written from the program's own declarations by \`npm run docs\`.
\`vqkit COMMAND --help\` prints the same. What a command does at length stands on the page that the README names for it.`;

/** The reference of the command line, in Markdown. */
export function commandReference(): string {
  const silent = new PassThrough();
  const program = buildProgram({
    stdin: silent,
    stdout: silent,
    stderr: silent,
    signal: new AbortController().signal,
  });
  const sections = program.commands.flatMap((command) => describe(command, program.name()));
  return `${[INTRODUCTION, ...sections].join("\n\n")}\n`;
}

/** A command and, behind it, the commands below it. */
function describe(command: Command, parent: string): string[] {
  const name = `${parent} ${command.name()}`;
  const own = [
    `## ${name}`,
    `\`\`\`\n${name} ${command.usage()}\n\`\`\``,
    sentence(command.description()),
    table("argument", command.registeredArguments.map(argumentRow)),
    table("flag", command.options.filter(({ hidden }) => !hidden).map(optionRow)),
  ].filter((part) => part !== "");
  return [own.join("\n\n"), ...command.commands.flatMap((each) => describe(each, name))];
}

function argumentRow(argument: Argument): readonly [string, string] {
  const dots = argument.variadic ? "..." : "";
  return [
    argument.required ? `<${argument.name()}${dots}>` : `[${argument.name()}${dots}]`,
    argument.description,
  ];
}

function optionRow(option: Option): readonly [string, string] {
  return [option.flags, option.mandatory ? `${option.description} (required)` : option.description];
}

function table(head: string, rows: readonly (readonly [string, string])[]): string {
  if (rows.length === 0) return "";
  const lines = rows.map(([name, text]) => `| \`${escaped(name)}\` | ${escaped(text)} |`);
  return [`| ${head} | |`, "|---|---|", ...lines].join("\n");
}

/** Text for a cell of a table: no line break, and no bar that would end the cell. */
function escaped(text: string): string {
  return text.replaceAll("\n", " ").replaceAll("|", "\\|");
}

function sentence(text: string): string {
  const whole = `${text.charAt(0).toUpperCase()}${text.slice(1)}`;
  return /[.!?]$/.test(whole) ? whole : `${whole}.`;
}
