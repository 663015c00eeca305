/** The kinds of quantizer that have a name. Importing this registers them. */
import { grouped } from "../composite/grouped-quantizer.js";
import { multiScale } from "../composite/multi-scale-quantizer.js";
import { residualFsq } from "../composite/residual-finite-scalar-quantizer.js";
import { residual } from "../composite/residual-quantizer.js";
import { bsq } from "../grid/binary-spherical.js";
import { fsq } from "../grid/finite-scalar.js";
import { lfq } from "../grid/lookup-free.js";
import { fsp } from "../grid/scalar-perturbation.js";
import { registerQuantizer } from "../registry.js";
import { type VectorPoint, vectorKinds } from "../vector-kind.js";

const points: readonly VectorPoint[] = [
  {
    // Some codebases put β on the codebook loss instead of the commitment loss. To repeat their numbers:
    // `codebookWeight: 0.25, commitmentWeight: 1`.
    kind: "vq",
    summary: "Nearest code of a learned table, straight-through gradient",
    paper: { title: "Neural Discrete Representation Learning", arxiv: "1711.00937" },
    codebook: "free",
    gradient: "straight-through",
    initialization: "uniform",
    recommended: {
      where: { gradient: "straight-through" },
      options: { codebook: "ema", initialization: "kmeans" },
      reason: "a codebook of moving averages that starts from k-means centres, which keeps more codes in use",
    },
  },
  {
    kind: "rotation",
    summary: "Nearest code of a learned table, gradient rotated and rescaled to the latent",
    paper: { title: "Restructuring Vector Quantization with the Rotation Trick", arxiv: "2410.06424" },
    codebook: "free",
    gradient: "rotation",
    initialization: "uniform",
    namedAfter: { gradient: ["rotation", "reflection"] },
  },
  {
    kind: "simvq",
    summary: "Nearest code of a frozen table times one learned linear layer",
    paper: {
      title: "Addressing Representation Collapse in Vector Quantized Models with One Linear Layer",
      arxiv: "2411.02038",
    },
    codebook: "linear",
    gradient: "straight-through",
    initialization: "normal",
    namedAfter: { codebook: ["linear"] },
  },
];

for (const definition of vectorKinds(points)) registerQuantizer(definition);
registerQuantizer(fsq);
registerQuantizer(residual);
registerQuantizer(grouped);
registerQuantizer(residualFsq);
registerQuantizer(lfq);
registerQuantizer(bsq);
registerQuantizer(fsp);
registerQuantizer(multiScale);
