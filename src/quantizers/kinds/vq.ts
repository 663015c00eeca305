import { vectorKind } from "./vector-options.js";

/**
 * Straight-through VQ.
 *
 * Some codebases put β on the codebook loss instead of the commitment loss. To repeat their numbers:
 * `codebookWeight: 0.25, commitmentWeight: 1`.
 */
export const vq = vectorKind({
  kind: "vq",
  summary: "Nearest code of a learned table, straight-through gradient",
  paper: { title: "Neural Discrete Representation Learning", arxiv: "1711.00937" },
  codebooks: ["free", "ema"],
  gradients: ["straight-through"],
  initialization: "uniform",
});
