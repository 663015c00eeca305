import type { Command } from "commander";
import type { PruneEvidence } from "../../src/export/index.js";
import { loadQuantizerModules } from "../config-file.js";
import { many, number } from "../count-text.js";
import { addModelFlags, type ModelFlags } from "../declare-flags.js";
import { engineOptions } from "../engine-options.js";
import { UsageError } from "../errors.js";
import { namingFlags } from "../gather-config.js";
import type { FlagField } from "../run-flags.js";
import { note, print, printJson, type Terminal } from "../terminal.js";

interface Flags extends ModelFlags {
  readonly out: string;
  readonly overwrite?: boolean;
  readonly usage?: string;
  readonly images?: readonly string[];
  readonly codes?: string;
}

const FIELDS: readonly FlagField[] = [{ flag: "--out <dir>", field: "out" }];

export function addPrune(program: Command, terminal: Terminal): void {
  const command = program
    .command("prune")
    .description("drop the codes of a model that are never used")
    .argument("<model>", "run folder or model.safetensors")
    .requiredOption("-o, --out <dir>", "folder for the smaller model and remapping.json")
    .option("--overwrite", "replace files of the same names in that folder")
    .option("--usage <file>", "a usage.json that says which codes are used (default: the run's own)")
    .option("--images <images...>", "count on these instead: folders, glob patterns or files")
    .option("--codes <path>", "count on these instead: codes that encode wrote");
  addModelFlags(command);
  command.action((model: string, flags: Flags) =>
    namingFlags(flags, FIELDS, () => prune(terminal, model, flags)),
  );
}

async function prune(terminal: Terminal, model: string, flags: Flags): Promise<void> {
  const { quiet = false, json = false, out, overwrite = false } = flags;
  const evidence = evidenceOf(flags);
  const { pruneModel } = await import("../../src/export/index.js");
  await loadQuantizerModules(flags.quantizerModule ?? []);
  const result = await pruneModel(model, { ...engineOptions(flags), out, overwrite, evidence });
  for (const warning of result.warnings) note(terminal, `warning: ${warning}`, { quiet });
  if (json) {
    printJson(terminal, result);
    return;
  }
  const { before, after } = result.codebookSize;
  const { images, indices, encoded } = result.proof;
  const remapped = encoded ? `all ${number(indices)} indices are the remapped ones and ` : "";
  const proof =
    images === 0
      ? "Each decodes to the same pixels as before."
      : `On ${many(images, "image")} ${remapped}all pixels are equal.`;
  print(
    terminal,
    `${number(after)} of ${number(before)} codes are left, those used in ${result.countedOn}. ${proof} Written: ${out}`,
  );
}

function evidenceOf({ usage, images, codes }: Flags): PruneEvidence {
  const given = Object.entries({ "--usage": usage, "--images": images, "--codes": codes }).filter(
    ([, value]) => value !== undefined,
  );
  if (given.length > 1) {
    const names = given.map(([name]) => name).join(" and ");
    throw new UsageError(`${names}: expected one of them, got ${given.length}. Remove the others.`);
  }
  if (images !== undefined) return { images };
  if (codes !== undefined) return { codes };
  return usage === undefined ? {} : { usage };
}
