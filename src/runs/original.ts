import { z } from "zod";
import { isObject } from "../core/objects.js";
import type { JsonObject } from "../files/index.js";

/** Another version may say more. */
const originalSchema = z.looseObject({
  family: z.string().min(1),
  files: z.array(
    z.looseObject({
      name: z.string().min(1),
      bytes: z.number(),
      /** In hex. */
      sha256: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
  prefix: z.string(),
  averaged: z.boolean(),
  config: z.string().nullable(),
  importedBy: z.string(),
});

/** What an imported model was made of. It stands in the model's configuration, and in reports. */
export interface Original {
  /** The family's name, e.g. `taming`. */
  readonly family: string;
  /** Files of weights, without their folders. */
  readonly files: readonly OriginalFile[];
  /** What stood before the names of the tokenizer's weights, e.g. `state_dict.`. */
  readonly prefix: string;
  /** Whether the weights are the running average that stood beside others. */
  readonly averaged: boolean;
  /** The configuration's file; null where there was none. */
  readonly config: string | null;
  /** The version of vqkit that imported it. */
  readonly importedBy: string;
}

export interface OriginalFile {
  readonly name: string;
  readonly bytes: number;
  /** SHA-256, in hex. */
  readonly sha256: string;
}

/** The published tokenizer that a model goes back to. */
export interface Origin {
  readonly original: Original;
  /** Whether a training started from it, so that its weights are not the original's any more. */
  readonly trained: boolean;
}

/**
 * The published tokenizer that a model goes back to, by the configuration of its run or model file.
 *
 * @returns undefined where it goes back to none
 */
export function originOf(config: unknown): Origin | undefined {
  if (!isObject(config)) return undefined;
  const own = originalSchema.safeParse(config.original);
  if (own.success) return { original: own.data, trained: false };
  const source = originalSchema.safeParse(isObject(config.from) ? config.from.original : undefined);
  return source.success ? { original: source.data, trained: true } : undefined;
}

/** The fields of a configuration that `originOf` finds an origin in; none where there is none. */
export function originFields(origin: Origin | undefined): JsonObject {
  if (origin === undefined) return {};
  const original = JSON.parse(JSON.stringify(origin.original)) as JsonObject;
  return origin.trained ? { from: { original } } : { original };
}

/** An origin in one line: the family, the files and their SHA-256. */
export function originText({ original: { family, files, averaged }, trained }: Origin): string {
  const named = files.map(({ name, sha256 }) => `${name}, SHA-256 ${sha256}`).join("; ");
  const which = averaged ? " (the running average of the weights)" : "";
  return `${trained ? "trained on from an import of" : "imported from"} ${family}: ${named}${which}`;
}
