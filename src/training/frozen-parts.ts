import type { ImageAutoencoder } from "../autoencoder/index.js";
import { ConfigError } from "../core/errors.js";

/** What may be left as it is while the rest trains. */
export const modelParts = ["encoder", "codebook", "decoder"] as const;
export type ModelPart = (typeof modelParts)[number];

/** The weights of each part; the convolutions beside the quantizer go with the network that they belong to. */
const prefixes: Readonly<Record<Exclude<ModelPart, "codebook">, readonly string[]>> = {
  encoder: ["encoder/", "projection/in/"],
  decoder: ["decoder/", "projection/out/"],
};

/**
 * Marks the weights of parts as not trainable: they get no gradient, no decay and no moments. The codebook is another
 * matter, as it may learn without gradients: see `frozenCodebook`.
 */
export function freezeNetworks(model: ImageAutoencoder, freeze: readonly ModelPart[]): void {
  const frozen = freeze.flatMap((part) => (part === "codebook" ? [] : prefixes[part]));
  for (const [name, variable] of model.variables()) {
    if (frozen.some((prefix) => name.startsWith(prefix))) variable.trainable = false;
  }
}

/** The part that a weight of the model belongs to, by its name. */
export function partOf(name: string): ModelPart {
  const found = (["encoder", "decoder"] as const).find((part) =>
    prefixes[part].some((prefix) => name.startsWith(prefix)),
  );
  return found ?? "codebook";
}

/** What of a run's configuration says which parts are frozen. */
interface Freezing {
  readonly freeze: readonly ModelPart[];
  readonly from: { readonly codebook: "keep" | "frozen" | "fresh" } | null;
}

/** Whether the codebook is frozen: named as a part, or by the choice of what becomes of it. */
export function freezesCodebook({ freeze, from }: Freezing): boolean {
  return freeze.includes("codebook") || from?.codebook === "frozen";
}

/** @throws ConfigError at `freeze` for parts that have nothing to be left at, or where nothing is left to train */
export function checkFreezing({ freeze, from }: Freezing): void {
  const [part] = freeze;
  if (part === undefined) return;
  if (from === null) {
    throw new ConfigError(
      "freeze",
      `expected a model to start from (from) beside it, got none: the ${part} would stay random.`,
    );
  }
  if (from.codebook === "fresh" && freeze.includes("codebook")) {
    throw new ConfigError(
      "freeze",
      'expected the codebook of the model (from.codebook "keep"), got "fresh".',
    );
  }
  if (freeze.includes("encoder") && freeze.includes("decoder")) {
    throw new ConfigError("freeze", "expected the encoder or the decoder to train, got both frozen.");
  }
}
