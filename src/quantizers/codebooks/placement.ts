import type { GraphWriter } from "../../backend/index.js";
import type { Tensor2D } from "../../tf/index.js";

/** What becomes of latents before they are compared with codes: live, and in an exported graph by the same operators. */
export interface Placement {
  /** @param latents [M, D] @returns [M, D], differentiable */
  apply(latents: Tensor2D): Tensor2D;
  /** @param latents name of a float32 tensor [M, D] @returns name of another, or the same */
  write(g: GraphWriter, latents: string): string;
}

/** Latents are compared as they are. */
export const asTheyAre: Placement = { apply: (latents) => latents, write: (_, latents) => latents };
