import { createAdversarial } from "./adversarial/create.js";
import { preparePerceptual } from "./perceptual/create.js";
import type { ObjectiveConfig, ObjectiveMaker, PreparedObjective } from "./registry/definition.js";
import { registeredMaker } from "./registry/registry.js";

/** What makes our own kinds of objectives, by kind. */
const makers = {
  adversarial: { create: createAdversarial },
  perceptual: { prepare: preparePerceptual },
} as unknown as Readonly<Record<string, ObjectiveMaker>>;

/**
 * Reads the files that objectives name. What is returned is to be created or disposed of.
 *
 * @param configs as `parseObjectives` returned them
 * @throws ConfigError at `objectives[i]`; VqkitError for a file that cannot be read
 */
export async function prepareObjectives(configs: readonly ObjectiveConfig[]): Promise<PreparedObjective[]> {
  const prepared: PreparedObjective[] = [];
  try {
    for (const [i, config] of configs.entries()) prepared.push(await preparedOne(config, `objectives[${i}]`));
    return prepared;
  } catch (error) {
    for (const each of prepared) each.dispose();
    throw error;
  }
}

async function preparedOne(config: ObjectiveConfig, where: string): Promise<PreparedObjective> {
  const maker = makers[config.kind] ?? registeredMaker(config, where);
  if (maker.prepare !== undefined) return maker.prepare(config, where);
  return { config, create: (context) => maker.create(config, context), dispose: () => {} };
}
