import { existsSync } from "node:fs";
import path from "node:path";
import { shellQuoted } from "../src/core/shell.js";
import { checkImages } from "./data-flags.js";
import { UsageError } from "./errors.js";
import { checkModelFirst, isModel } from "./model-argument.js";

/** What the arguments of `evaluate` stand for. */
export interface EvaluationArguments {
  /** Paths of run folders and model files, each once. */
  readonly models: readonly string[];
  readonly images: readonly string[];
}

/**
 * Tells models from images: arguments are models as long as they are run folders or model files, and images from then on.
 * A pattern that the shell left alone stands for the runs that it matches.
 *
 * @param filesFrom the list that names the images in the place of arguments
 * @throws UsageError when there are no images, or the two stand in another order
 */
export async function evaluationArguments(
  given: readonly string[],
  filesFrom?: string,
): Promise<EvaluationArguments> {
  const all = await withRunsOfPatterns(given);
  const [first = "", ...others] = all;
  await checkModelFirst([first, ...others], { verb: "evaluate", rest: "IMAGES", needs: "" });
  const areModels = await Promise.all(all.map((each) => isModel(each)));
  // A first argument that is nothing known is meant as a model: loading it tells what is wrong.
  const behind = all.findIndex((_, i) => i > 0 && areModels[i] !== true);
  const at = behind === -1 ? all.length : behind;
  const [leading, images] = [all.slice(0, at), all.slice(at)];
  await refuseComparisons(all);
  const late = images.find((_, i) => areModels[at + i]);
  if (late !== undefined) {
    const models = [...leading, ...images.filter((_, i) => areModels[at + i])];
    const words = [...models, ...images.filter((_, i) => areModels[at + i] !== true)].map(shellQuoted);
    throw new UsageError(
      `${late}: expected all models before the images, got this one behind ${images[0]}. Type: vqkit evaluate ${words.join(" ")}`,
    );
  }
  checkImages(images, filesFrom);
  if (images.length === 0 && filesFrom === undefined) {
    const what = leading.length === 1 ? "the model" : `the ${leading.length} models`;
    throw new UsageError(
      `expected IMAGES behind ${what}: a folder, a glob pattern or files, got none. Type: vqkit evaluate ${leading.map(shellQuoted).join(" ")} IMAGES`,
    );
  }
  const models = new Map(leading.map((each) => [path.resolve(each), each]));
  return { models: [...models.values()], images };
}

async function withRunsOfPatterns(given: readonly string[]): Promise<string[]> {
  const { findRuns } = await import("../src/data/index.js");
  const all: string[] = [];
  for (const each of given) {
    const runs = existsSync(each) ? [] : await findRuns(each);
    all.push(...(runs.length > 0 ? runs : [each]));
  }
  return all;
}

async function refuseComparisons(given: readonly string[]): Promise<void> {
  const { ownFolderKind } = await import("../src/files/index.js");
  for (const each of given) {
    if ((await ownFolderKind(each)) !== "comparison") continue;
    throw new UsageError(
      `${each}: expected models or images, got a comparison. Give the runs in it: ${shellQuoted(path.join(each, "*"))}`,
    );
  }
}

/** The shortest ends of paths that tell all of them apart; a model file has its folder's name. */
export function shortNames(paths: readonly string[]): string[] {
  const parts = paths.map((each) => {
    const whole = path.resolve(each);
    const named = path.basename(whole) === "model.safetensors" ? path.dirname(whole) : whole;
    return named.split(path.sep).filter((part) => part !== "");
  });
  const deepest = Math.max(...parts.map(({ length }) => length));
  for (let count = 1; count < deepest; count++) {
    const names = parts.map((each) => each.slice(-count).join("/"));
    if (new Set(names).size === names.length) return names;
  }
  return paths.map((each) => each);
}
