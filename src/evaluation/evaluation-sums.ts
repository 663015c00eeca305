import { CodeCounts, type CodeGeometry, ScaleCounter } from "../metrics/index.js";
import { LatentStatistics } from "./figures/index.js";
import { ImageSums } from "./image-sums.js";
import { NetworkSums } from "./network-figures.js";

/** What a quantizer says of its codes. */
export interface CodebookShape {
  readonly codebookSize: number;
  readonly numCodebooks: number;
  readonly codeDim: number;
  /** Where codes are sequences of grids. */
  readonly sequence?: { readonly scales: readonly number[] } | undefined;
}

/** What a model's pass over a set of images adds up to, or over a part of it. */
export class EvaluationSums {
  readonly images: ImageSums;
  readonly counts: CodeCounts;
  /** The same scale by scale, of codes that are sequences of grids. */
  readonly scales: ScaleCounter | undefined;
  readonly latents: LatentStatistics;
  readonly networks: NetworkSums;
  /** Of each batch: the quantization error times its images. */
  readonly errors: number[];
  /** Of all images; undefined as long as there is none. */
  geometry: CodeGeometry | undefined;

  /** @param parts what was summed up already; by default nothing */
  constructor(
    { codebookSize, numCodebooks, codeDim, sequence }: CodebookShape,
    parts: Partial<EvaluationSums> = {},
  ) {
    this.images = parts.images ?? new ImageSums();
    this.counts = parts.counts ?? new CodeCounts(codebookSize, numCodebooks);
    this.scales = parts.scales ?? (sequence && new ScaleCounter(codebookSize, numCodebooks, sequence.scales));
    this.latents = parts.latents ?? new LatentStatistics(codeDim);
    this.networks = parts.networks ?? new NetworkSums();
    this.errors = parts.errors ?? [];
    this.geometry = parts.geometry;
  }

  /** Mean over images. */
  get meanError(): number {
    return this.errors.reduce((sum, each) => sum + each, 0) / this.images.images;
  }

  /** Adds a part of the set that comes behind. @throws VqkitError("data") for images of another size */
  merge(other: EvaluationSums): void {
    this.images.merge(other.images);
    this.counts.merge(other.counts);
    for (const [i, { counts }] of (this.scales?.scales ?? []).entries()) {
      counts.merge(
        other.scales?.scales[i]?.counts ?? new CodeCounts(counts.codebookSize, counts.numCodebooks),
      );
    }
    this.latents.merge(other.latents);
    this.networks.merge(other.networks);
    for (const each of other.errors) this.errors.push(each);
    this.geometry ??= other.geometry;
  }
}
