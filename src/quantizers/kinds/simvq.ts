import { vectorKind } from "./vector-options.js";

/** VQ whose codebook is a frozen table times one learned linear layer, with any gradient estimator. */
export const simvq = vectorKind({
  kind: "simvq",
  summary: "Nearest code of a frozen table times one learned linear layer",
  paper: {
    title: "Addressing Representation Collapse in Vector Quantized Models with One Linear Layer",
    arxiv: "2411.02038",
  },
  codebooks: ["linear"],
  gradients: ["straight-through", "rotation", "reflection"],
  initialization: "normal",
});
