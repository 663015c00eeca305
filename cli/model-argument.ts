import { stat } from "node:fs/promises";
import path from "node:path";
import { shellQuoted } from "../src/core/shell.js";
import { UsageError } from "./errors.js";
import { newest } from "./newest-run.js";

/** A command that takes a model, and then something else. */
export interface ModelCommand {
  /** e.g. `encode` */
  readonly verb: string;
  /** What follows the model, in the words of the command's help: `IMAGES`. */
  readonly rest: string;
  /** What the command still needs behind them: ` --out codes`. */
  readonly needs: string;
}

/**
 * Says what is meant where a command's first argument is no model: another argument is one, or there is none. Looks at
 * names and marks alone; whether a model can be read, loading it tells.
 *
 * @throws UsageError
 */
export async function checkModelFirst(
  given: readonly [model: string, ...rest: string[]],
  { verb, rest: expected, needs }: ModelCommand,
): Promise<void> {
  const [model, ...others] = given;
  if (await isModel(model)) return;
  const found = await otherThanModel(model);
  const type = (words: readonly string[]): string =>
    `Type: vqkit ${verb} ${words.map(shellQuoted).join(" ")}${needs}`;
  for (const other of others) {
    if (found === undefined || !(await isModel(other))) continue;
    const words = [other, ...given.filter((each) => each !== other)];
    throw new UsageError(
      `${model}: expected the model first, then ${expected}, got ${found}. ${type(words)}`,
    );
  }
  if (found === undefined || found === FOLDER) return;
  const run = (await newest({ kind: "run", finished: true }))?.dir;
  const next = run === undefined ? "Train one first: vqkit train FOLDER-OF-IMAGES" : type([run, ...given]);
  throw new UsageError(
    `${model}: expected a model first, a run folder or model.safetensors, got ${found}. ${next}`,
  );
}

const FOLDER = "a folder that is no run";
const CODES = [".vqc", ".npy", ".jsonl"];
const ARCHIVES = [".parquet", ".tar", ".gz", ".tgz", ".zst"];

/** What an argument is that is surely no model; undefined where that is not clear. */
async function otherThanModel(name: string): Promise<string | undefined> {
  const extension = path.extname(name).toLowerCase();
  const { hasImageExtension } = await import("../src/data/index.js");
  if (name === "-") return "standard input";
  if (hasImageExtension(name)) return "an image";
  if (CODES.includes(extension)) return "codes";
  if (ARCHIVES.includes(extension)) return "an archive";
  const { ownFolderKind } = await import("../src/files/index.js");
  const kind = await ownFolderKind(name);
  if (kind === "codes") return "codes";
  return kind === undefined && (await isFolder(name)) ? FOLDER : undefined;
}

/** Whether an argument is surely a model: a run folder, or a file of the ending that models have. */
export async function isModel(name: string): Promise<boolean> {
  if (path.extname(name) === ".safetensors") return true;
  const { ownFolderKind } = await import("../src/files/index.js");
  return (await ownFolderKind(name)) === "run";
}

async function isFolder(name: string): Promise<boolean> {
  return stat(name).then(
    (status) => status.isDirectory(),
    () => false,
  );
}
