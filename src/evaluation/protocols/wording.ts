import type { EvaluationFigures } from "../figures/index.js";
import type { EvaluationProtocol, ProtocolFigure } from "./protocol.js";

/** A protocol as results keep it. */
export interface ProtocolSummary {
  readonly name: string;
  readonly source: string;
  /** The figures that were measured by it; the others of a result are by vqkit's own conventions. */
  readonly figures: readonly ProtocolFigure[];
  readonly images: string;
  readonly imageCount: number;
  readonly side: number;
  readonly preparation: string;
  readonly fidReference: string;
  readonly fidInput: string;
  readonly differences: readonly string[];
}

export function protocolSummary(
  protocol: EvaluationProtocol,
  figures: Pick<EvaluationFigures, ProtocolFigure>,
): ProtocolSummary {
  const { name, source, images, side, preparation, covers, fid, differences } = protocol;
  return {
    name,
    source,
    figures: covers.filter((figure) => figures[figure] !== null),
    images: images.set,
    imageCount: images.count,
    side,
    preparation: preparation.text,
    fidReference:
      fid.reference === "images" ? "the same images, prepared alike" : (fid.statistics ?? "statistics"),
    fidInput: fid.input.text,
    differences: [...differences],
  };
}

/** The line of a metric card. */
export function protocolLine({ name, source, figures, images, imageCount, side }: ProtocolSummary): string {
  return `${name} (${figures.join(", ")}): ${imageCount.toLocaleString("en-US")} images of ${images} at ${side}x${side}; ${source}`;
}
