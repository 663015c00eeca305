import type { PlainObject } from "../core/objects.js";
import type { NamePair } from "./name-table.js";
import type { ModelStructure } from "./structure.js";

/** Weights that were found, before anything of them is read: names without the prefix that all have in the file. */
export interface FoundWeights {
  /** Shapes as they stand in the file, by name. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** What the configuration beside the weights says; undefined where there is none. */
  readonly config: FoundConfig | undefined;
}

export interface FoundConfig {
  readonly path: string;
  readonly content: PlainObject;
}

/** What a family's models have in common and weights do not show. */
export interface FixedFields {
  readonly normGroups: number;
  readonly normEpsilon: number;
  readonly activation: "silu";
  readonly down: "3x3" | "3x3-symmetric" | "average";
  readonly shortcut: "input" | "output";
  readonly pixelRange: "-1..1" | "0..1";
}

/** A value that the configuration states, and what the weights say of it. */
export interface Claim {
  /** Where it stands, with dots, e.g. `model.params.embed_dim`. */
  readonly field: string;
  /** undefined where the weights do not say. */
  readonly expected: unknown;
}

/** A family of published tokenizers: how it is known, what its weights are called, and how it chooses codes. */
export interface Family {
  /** What the option `family` takes. */
  readonly name: string;
  /** For messages. */
  readonly title: string;
  /** Whether weights are of this family, by names and configuration. */
  matches(found: FoundWeights): boolean;
  /** Whether the configuration names it: this goes before names, which several families share. */
  isNamedBy?(config: FoundConfig): boolean;
  names(found: FoundWeights): readonly NamePair[];
  /** Names under the prefix that are no part of the model. */
  readonly leftOut?: readonly RegExp[];
  fixed(found: FoundWeights): FixedFields;
  /** Options of the quantizer. */
  quantizer(structure: ModelStructure, found: FoundWeights): PlainObject;
  /** What the configuration says of the model, to be held against the weights. */
  claims?(structure: ModelStructure, found: FoundWeights): readonly Claim[];
  /** Whether published figures are of the running average of the weights (`model_ema`), where a file has one. */
  readonly averaged?: boolean;
}

/** VQGAN's. */
export const ldmFields: FixedFields = {
  normGroups: 32,
  normEpsilon: 1e-6,
  activation: "silu",
  down: "3x3",
  shortcut: "input",
  pixelRange: "-1..1",
};

/** A table of codes that is searched by squared distance. */
export function plainCodebook({ codebookSize, codeDim }: ModelStructure): PlainObject {
  return { kind: "vq", codebook: "free", codebookSize, codeDim };
}

/** Whether a name with this beginning is there. */
export function hasName({ shapes }: FoundWeights, beginning: string): boolean {
  return [...shapes.keys()].some((name) => name.startsWith(beginning));
}
