import { existsSync, statSync } from "node:fs";
import path from "node:path";
import type { Command } from "commander";
import { UsageError } from "../errors.js";
import { print, printJson, type Terminal } from "../terminal.js";
import { integer } from "../values.js";

interface Flags {
  readonly html?: string;
  readonly codes?: number;
  readonly json?: boolean;
}

export function addReport(program: Command, terminal: Terminal): void {
  program
    .command("report")
    .description("show how a codebook is used: usage, most and least used codes, rank and frequency")
    .argument("<folder>", "run folder, or codes that encode wrote: the folder, or its .vqc or .parquet file")
    .option(
      "--html <file>",
      "write a page that opens from disk as well; for a run, with its curves and pictures",
    )
    .option("--codes <n>", "how many of the most and least used codes to list (default: 10)", integer)
    .option("--json", "print the figures as JSON on stdout")
    .action((folder: string, flags: Flags) => report(terminal, folder, flags));
}

async function report(
  terminal: Terminal,
  folder: string,
  { html, codes, json = false }: Flags,
): Promise<void> {
  const { renderUsageText, writeFileAtomic } = await import("../../src/index.js");
  if (codes !== undefined && codes < 1) {
    throw new UsageError(`--codes: expected an integer >= 1, got ${codes}.`);
  }
  const source = await open(folder, codes === undefined ? {} : { codes });
  if (json) printJson(terminal, source.usage);
  else print(terminal, renderUsageText(source.usage));
  if (html !== undefined) {
    await writeFileAtomic(html, await source.page());
    if (!json) print(terminal, `\nWritten: ${html}`);
  }
}

/** The usage report of a folder, and the page about it. */
async function open(folder: string, options: { readonly codes?: number }) {
  const vqkit = await import("../../src/index.js");
  // Codes are a folder of any format, or a packed or Parquet file by itself.
  if (existsSync(path.join(folder, "manifest.json")) || isFile(folder)) {
    const counted = await vqkit.countCodes(folder);
    const name = path.basename(path.resolve(folder));
    const usage = vqkit.usageReport(counted, { name, scope: "all codes in the folder", ...options });
    return { usage, page: async () => vqkit.renderUsageHtml(usage) };
  }
  if (existsSync(path.join(folder, "comparison.json"))) {
    throw new UsageError(
      `${folder}: expected a run folder or a folder of codes, got a comparison. Give one of the runs in it.`,
    );
  }
  const run = await vqkit.RunFolder.open(folder);
  return { usage: await vqkit.runUsageReport(run, options), page: () => vqkit.renderRunReport(run) };
}

function isFile(name: string): boolean {
  return statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
}
