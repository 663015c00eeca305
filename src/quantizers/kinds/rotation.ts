import { vectorKind } from "./vector-options.js";

/** VQ with the rotation trick, over any codebook. */
export const rotation = vectorKind({
  kind: "rotation",
  summary: "Nearest code of a learned table, gradient rotated and rescaled to the latent",
  paper: { title: "Restructuring Vector Quantization with the Rotation Trick", arxiv: "2410.06424" },
  codebooks: ["free", "ema", "linear"],
  gradients: ["rotation", "reflection"],
  initialization: "uniform",
});
