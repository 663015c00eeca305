import type { ImagePreparation } from "../../data/resampling/index.js";
import type { NetworkInput } from "../image-networks.js";

/** Figures that a protocol may say how to measure. */
export type ProtocolFigure = "psnr" | "lpips" | "fid";

/**
 * A way in which figures of image tokenizers are published: of which images, cut how, and by which networks. Where a
 * figure is reported by another program, its source says so, and `differences` what is done otherwise here.
 */
export interface EvaluationProtocol {
  /** Small letters, digits and hyphens. */
  readonly name: string;
  /** Whose figures are measured so, and where that is written. */
  readonly source: string;
  readonly images: ProtocolImages;
  /** Side of the square that each image becomes, in pixels. */
  readonly side: number;
  readonly preparation: ImagePreparation;
  /** The figures that carry the protocol's name; others stand beside them by vqkit's own conventions. */
  readonly covers: readonly ProtocolFigure[];
  readonly fid: ProtocolFid;
  /** The networks whose LPIPS the source reports; needed where `covers` has it. */
  readonly lpips?: readonly ("alex" | "vgg" | "squeeze")[];
  /** What the source's arithmetic does otherwise, and by how much; one sentence each. */
  readonly differences: readonly string[];
}

export interface ProtocolImages {
  /** e.g. "ImageNet (ILSVRC2012) validation". */
  readonly set: string;
  readonly count: number;
  /** Every file's name has it; what it matches tells an image from the others. */
  readonly fileName: RegExp;
  /** A file's name, for messages. */
  readonly example: string;
}

export interface ProtocolFid {
  /** What reconstructions are held against: the prepared images, or statistics of another set in a file. */
  readonly reference: "images" | "statistics";
  /** What statistics are needed, for messages; where `reference` is "statistics". */
  readonly statistics?: string;
  readonly input: NetworkInput;
  /** D. */
  readonly features: number;
}
