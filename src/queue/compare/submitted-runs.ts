/** What a comparison hands to the queue: its plan, what earlier trainings left, and the probe. */
import path from "node:path";
import { ConfigError } from "../../core/errors.js";
import { withoutUndefined } from "../../core/objects.js";
import { type FoundFiles, findDatasetFiles } from "../../data/index.js";
import type { JsonObject } from "../../files/index.js";
import { prepareObjectives } from "../../losses/index.js";
import { type FoundRun, type OpenComparison, type RunConfig, savedConfig } from "../../training/index.js";
import { type ImageList, imageList } from "../image-list.js";
import type { SharedFolder } from "../shared-folder.js";
import { attemptName } from "../task.js";
import { furthestAttempt } from "./attempts.js";
import type { QueuedComparisonOptions } from "./options.js";
import { placesOf, plannedImages, type TrainingPlan } from "./plan.js";
import { copyBegun, newestStep } from "./run-copies.js";

/** The runs of a comparison with their configurations as workers and run folders have them. */
export async function submittedConfigs(runs: readonly FoundRun[]): Promise<JsonObject[]> {
  const prepared = new Map<string, RunConfig["objectives"]>();
  const configs: JsonObject[] = [];
  for (const { config } of runs) {
    const key = JSON.stringify(config.objectives);
    const objectives = prepared.get(key) ?? (await identified(config.objectives));
    prepared.set(key, objectives);
    // As JSON has it, so that it is the same before and after a file.
    configs.push(JSON.parse(JSON.stringify(savedConfig({ ...config, objectives }))) as JsonObject);
  }
  return configs;
}

/** With what their files are known by, so that no worker takes others. @throws as `prepareObjectives` */
async function identified(objectives: RunConfig["objectives"]): Promise<RunConfig["objectives"]> {
  const prepared = await prepareObjectives(objectives);
  for (const each of prepared) each.dispose();
  return prepared.map(({ config }) => config);
}

/**
 * Finds the files with the images of a comparison, which all of its runs have in common.
 *
 * @throws VqkitError("data") as `findDatasetFiles`; ConfigError at `shared` for images outside of the shared folder
 */
export async function submittedImages(
  { runs, out }: OpenComparison,
  shared: SharedFolder,
  { onBroken, onPassedOver, onLeftOut, outputs = [] }: QueuedComparisonOptions,
): Promise<ImageList & { readonly found: FoundFiles }> {
  const [{ config }] = runs as [FoundRun];
  const found = await findDatasetFiles(config.data, {
    outputs: [...outputs, out],
    ...withoutUndefined({ onBroken, onPassedOver, onLeftOut }),
  });
  return { ...imageList(found.files, shared), found };
}

/** @throws ConfigError for other images than an earlier submitter had found, whose trainings are to be resumed */
export async function checkSameImages(dir: string, digest: string): Promise<void> {
  const before = await plannedImages(dir);
  if (before === undefined || before === digest) return;
  throw new ConfigError(
    "data.images",
    "expected the files that the comparison began with, got others. Put them back, or begin a new comparison.",
  );
}

/** @throws ConfigError at `shared` for files outside of the shared folder that configurations name */
export function planOf(
  runs: readonly FoundRun[],
  {
    configs,
    images,
    threads,
    shared,
  }: {
    readonly configs: readonly JsonObject[];
    readonly images: Awaited<ReturnType<typeof submittedImages>>;
    readonly threads: number;
    readonly shared: SharedFolder;
  },
): TrainingPlan {
  return {
    runs: runs.map(({ dir, state }, i) => ({
      name: path.basename(dir),
      config: configs[i] as JsonObject,
      isDone: state === "finished",
    })),
    imagesDigest: images.digest,
    unusable: images.found.unusable.map((each) => ({ ...each, file: shared.nameOf(each.file) })),
    threads,
    places: placesOf(configs, shared),
  };
}

/**
 * Lets workers continue from runs that were begun without a queue, where these came further than what lies on it.
 *
 * @throws VqkitError("file")
 */
export async function takeBegun(
  dir: string,
  runs: readonly FoundRun[],
  configs: readonly JsonObject[],
): Promise<void> {
  for (const [piece, run] of runs.entries()) {
    const step = run.state === "begun" ? await newestStep(run.dir) : undefined;
    if (step === undefined || step <= ((await furthestAttempt(dir, piece))?.step ?? -1)) continue;
    await copyBegun(
      { dir: run.dir, config: configs[piece] as JsonObject },
      path.join(dir, attemptName(piece)),
    );
  }
}
