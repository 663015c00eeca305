import { albumentationsPreparation } from "../../data/resampling/index.js";
import { pytorchFidInput, tensorflowInput } from "./feature-input.js";
import { imagenetValidation } from "./image-sets.js";
import type { EvaluationProtocol } from "./protocol.js";

/** Protocols on taming-transformers' way to cut images. */
export const tamingProtocols: readonly EvaluationProtocol[] = [
  {
    name: "taming",
    source:
      "CompVis/taming-transformers: README.md (torch-fidelity, validation split of ImageNet at 256x256), taming/data/base.py; its issue 155 (all 50,000 images)",
    images: imagenetValidation,
    side: 256,
    preparation: albumentationsPreparation,
    covers: ["fid"],
    fid: { reference: "images", input: tensorflowInput, features: 2048 },
    differences: [],
  },
  {
    name: "open-magvit2",
    source: "TencentARC/SEED-Voken: evaluation_image.py (Open-MAGVIT2, IBQ), src/IBQ/data/base.py",
    images: imagenetValidation,
    side: 256,
    preparation: albumentationsPreparation,
    covers: ["psnr", "lpips", "fid"],
    fid: { reference: "images", input: pytorchFidInput, features: 2048 },
    lpips: ["alex", "vgg"],
    differences: [
      "the source truncates pixels to bytes, here they are rounded: under 0.01 dB of PSNR",
      "the source gives its networks the reconstruction before it becomes bytes",
      "SSIM is not covered: the source takes scikit-image's 7x7 mean window",
    ],
  },
];
