import { torchvisionPreparation } from "../../data/resampling/index.js";
import { tensorflowInput } from "./feature-input.js";
import { imagenetValidation } from "./image-sets.js";
import type { EvaluationProtocol } from "./protocol.js";

/** TiTok, and what is built on its evaluator (MaskBit, TA-TiTok, RAR's tokenizer). */
export const titokProtocols: readonly EvaluationProtocol[] = [
  {
    name: "titok",
    source:
      "bytedance/1d-tokenizer: data/webdataset_reader.py (eval_transform), evaluator/evaluator.py, evaluator/inception.py",
    images: imagenetValidation,
    side: 256,
    preparation: torchvisionPreparation,
    covers: ["fid"],
    fid: { reference: "images", input: tensorflowInput, features: 2048 },
    differences: [
      "the source truncates pixels to bytes, of images and of reconstructions; here they are rounded",
      "the source computes features in float64",
    ],
  },
];
