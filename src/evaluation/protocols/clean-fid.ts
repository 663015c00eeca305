import { torchvisionPreparation } from "../../data/resampling/index.js";
import { cleanFidInput } from "./feature-input.js";
import { imagenetValidation } from "./image-sets.js";
import type { EvaluationProtocol } from "./protocol.js";

const cleanFid = {
  source: 'GaParmar/clean-fid: cleanfid/resize.py, cleanfid/features.py, mode "clean" (arXiv 2104.11222)',
  images: imagenetValidation,
  side: 256,
  preparation: torchvisionPreparation,
  covers: ["fid"],
  differences: [
    "clean-fid says how features are computed and nothing of how images are cut: here with the kernel that it recommends",
  ],
} as const;

/** clean-fid's features: of the same images, or against statistics that it wrote. */
export const cleanFidProtocols: readonly EvaluationProtocol[] = [
  { ...cleanFid, name: "clean-fid", fid: { reference: "images", input: cleanFidInput, features: 2048 } },
  {
    ...cleanFid,
    name: "clean-fid-train",
    fid: {
      reference: "statistics",
      statistics:
        "mu and sigma of the training set's images at 256x256, as clean-fid's make_custom_stats writes them",
      input: cleanFidInput,
      features: 2048,
    },
  },
];
