import type { ModelDescription } from "../autoencoder/index.js";
import type { Engine } from "../backend/index.js";

/** What a run is made of, before it starts. */
export interface RunDescription {
  /** Size and cost of the autoencoder at the crop size; FLOP are per image. */
  readonly model: ModelDescription;
  readonly quantizer: {
    readonly kind: string;
    readonly codebookSize: number;
    /** The size that was asked for; null when none was. */
    readonly nominalCodebookSize: number | null;
    readonly numCodebooks: number;
    readonly codeDim: number;
    /** Numbers that its variables hold. */
    readonly parameters: number;
  };
  /** The named settings that the run has, and what they make of it; null where all are its own. */
  readonly recipe: { readonly name: string; readonly effect: string } | null;
  readonly engine: Engine;
  /** Images trained on, in files of their own or in shards. */
  readonly trainFiles: number;
  readonly evaluationFiles: number;
  /** Whether the evaluation files are kept back from training. */
  readonly heldOut: boolean;
  /** What a person should know before starting; one sentence each. */
  readonly warnings: readonly string[];
}
