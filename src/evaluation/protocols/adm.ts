import { admPreparation } from "../../data/resampling/index.js";
import { tensorflowInput } from "./feature-input.js";
import { cocoValidation, imagenetValidation } from "./image-sets.js";
import type { EvaluationProtocol } from "./protocol.js";

const SSIM =
  "SSIM is not covered: the source takes scikit-image's 7x7 mean window with data_range=2, which gives larger values";

/** LlamaGen's tokenizers: the reconstructions' FID against the same images, by ADM's evaluator. */
const llamagen = {
  source:
    "FoundationVision/LlamaGen: tokenizer_image/reconstruction_vq_ddp.py, tokenizer/validation/val_ddp.py, evaluations/c2i/evaluator.py",
  side: 256,
  preparation: admPreparation,
  covers: ["psnr", "fid"],
  fid: { reference: "images", input: tensorflowInput, features: 2048 },
  differences: [SSIM],
} as const;

/** Protocols on ADM's evaluator (openai/guided-diffusion: evaluations/evaluator.py) and its way to cut images. */
export const admProtocols: readonly EvaluationProtocol[] = [
  { ...llamagen, name: "llamagen", images: imagenetValidation },
  { ...llamagen, name: "llamagen-coco", images: cocoValidation },
  {
    name: "adm",
    source:
      "openai/guided-diffusion: evaluations/README.md; tokenizers' figures against the training set's statistics, as of generators",
    images: imagenetValidation,
    side: 256,
    preparation: admPreparation,
    covers: ["fid"],
    fid: {
      reference: "statistics",
      statistics: "mu and sigma of ADM's reference batch, VIRTUAL_imagenet256_labeled.npz",
      input: tensorflowInput,
      features: 2048,
    },
    differences: [],
  },
];
