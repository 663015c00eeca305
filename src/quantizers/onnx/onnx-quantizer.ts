import type { GraphWriter } from "../../backend/index.js";

/** How a quantizer is written into ONNX graphs. N images, H×W latent grid, D code dimension, Q codebooks. */
export interface OnnxQuantizer {
  /**
   * @param latents name of a float32 tensor [N, H, W, D]
   * @returns name of an int32 tensor [N, H, W, Q], made by a node
   */
  writeEncoder(g: GraphWriter, latents: string): string;
  /**
   * @param indices name of an int32 tensor [N, H, W, Q]
   * @returns name of a float32 tensor [N, H, W, D]
   */
  writeDecoder(g: GraphWriter, indices: string): string;
  /** Facts to stand in the files' metadata, such as FSQ's levels. */
  readonly metadata?: Readonly<Record<string, string>>;
}
