import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import { VqkitError } from "../../core/errors.js";
import { fileError, isMissingFile, makeFolder, readFormattedFile, writeJsonFile } from "../../files/index.js";
import { resolveRun, savedConfig } from "../run-config.js";
import type { PlannedRun } from "./plan.js";

/** What a comparison is to train, written before its first run: an interrupted one is resumed from it. */
export const PLAN_FILE = "comparison-plan.json";

const PLAN_FORMAT = { format: "vqkit-comparison-plan", formatVersion: 1 } as const;

const planSchema = z.object({
  runs: z
    .array(
      z.object({
        quantizer: z.string().min(1),
        seed: z.int().min(0),
        swept: z.record(z.string(), z.json()),
        // One name and no path: a plan never leads out of its folder.
        folder: z.string().regex(/^(?!\.{1,2}$)[^/\\]+$/),
        config: z.record(z.string(), z.unknown()),
      }),
    )
    .min(1),
});

/**
 * Writes the plan with every run's resolved configuration, so that later defaults do not change it.
 *
 * @param options.allowMixed whether machines train its runs whose arithmetic differs
 * @throws VqkitError("file")
 */
export async function writePlan(
  out: string,
  runs: readonly PlannedRun[],
  { allowMixed = false }: { readonly allowMixed?: boolean } = {},
): Promise<void> {
  await makeFolder(out);
  await writeJsonFile(join(out, PLAN_FILE), {
    ...PLAN_FORMAT,
    ...(allowMixed ? { allowMixed } : {}),
    runs: runs.map(({ quantizer, seed, swept, dir, config }) => ({
      quantizer,
      seed,
      swept,
      folder: basename(dir),
      config: savedConfig(config),
    })),
  });
}

/** Removes a plan, if there is one. @throws VqkitError("file") */
export async function removePlan(out: string): Promise<void> {
  const path = join(out, PLAN_FILE);
  try {
    await rm(path, { force: true });
  } catch (error) {
    throw fileError(path, "remove", error);
  }
}

/** @throws VqkitError("run") when the folder has no plan; VqkitError("format" | "file") */
export async function readPlan(out: string): Promise<PlannedRun[]> {
  const path = join(out, PLAN_FILE);
  let value: unknown;
  try {
    value = await readFormattedFile(path, PLAN_FORMAT);
  } catch (error) {
    if (!isMissingFile(error)) throw error;
    throw new VqkitError(
      "run",
      `${out}: expected a folder in which a comparison was begun, got one without ${PLAN_FILE}. Check the path, or begin the comparison anew.`,
      { cause: error },
    );
  }
  try {
    const { runs } = parseConfig(planSchema, value, "");
    return runs.map(({ folder, config, ...run }) => {
      const dir = join(out, folder);
      // What a comparison began with was checked then.
      const here = { out: dir, overwrite: false, allowOversize: true };
      return { ...run, dir, config: resolveRun({ ...config, ...here }) };
    });
  } catch (error) {
    // A file is no flag: the command line must not call this wrong usage.
    throw error instanceof VqkitError ? new VqkitError("format", `${path}: ${error.message}`) : error;
  }
}
