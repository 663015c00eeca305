import { VqkitError } from "../core/errors.js";
import { type EightBitImages, frechetDistance, GaussianFit } from "../metrics/index.js";
import type { EvaluationFigures } from "./figures/evaluation-figures.js";
import type { FeatureNetwork, ImageDistance } from "./image-networks.js";
import type { ReferenceStatistics } from "./reference-statistics.js";

/** Networks to measure with; the caller's to release. */
export interface EvaluationNetworks {
  /** For `lpips`. */
  readonly lpips?: ImageDistance | undefined;
  /** For `fid`. */
  readonly fid?: FeatureNetwork | undefined;
  /** Features of a reference set that `fid` is measured against; without it, those of the originals. */
  readonly fidReference?: ReferenceStatistics | undefined;
}

/** What networks are known by, beside what they have measured. */
export interface NetworkIdentities {
  readonly lpips?: Pick<ImageDistance, "sha256"> | undefined;
  readonly fid?: Pick<FeatureNetwork, "sha256" | "input"> | undefined;
  readonly fidReference?: ReferenceStatistics | undefined;
}

/** Figures that networks give, and what is to be said beside them. */
export interface NetworkFigures {
  readonly figures: Pick<EvaluationFigures, "lpips" | "fid" | "fidFeatures">;
  /** Lines of the metric card, for the figures that were measured. */
  readonly conventions: Readonly<Record<string, string>>;
  /** Why a figure is null. */
  readonly notMeasured: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/** With fewer images the Fréchet distance says more about their number than about their quality. */
const ENOUGH_IMAGES = 10_000;

const PIXELS = "8-bit RGB as x/127.5-1, [N,3,H,W] at the size of the evaluation";

/** What networks say of images, summed up batch by batch; memory grows by a number an image. */
export class NetworkSums {
  images = 0;
  /** Of each image from its reconstruction; none without a network. */
  readonly distances: number[] = [];
  /** Features of the originals, where they are measured against. */
  originals: GaussianFit | undefined;
  reconstructions: GaussianFit | undefined;

  async add(
    networks: EvaluationNetworks,
    originals: EightBitImages,
    reconstructions: EightBitImages,
  ): Promise<void> {
    const { lpips, fid, fidReference } = networks;
    this.images += originals.count;
    if (lpips !== undefined) this.distances.push(...(await lpips.distances(originals, reconstructions)));
    if (fid === undefined) return;
    const features = await fid.features(reconstructions);
    const dimensions = features.length / reconstructions.count;
    checkReference(networks, dimensions);
    this.reconstructions ??= new GaussianFit(dimensions);
    this.reconstructions.add(features);
    if (fidReference !== undefined) return;
    this.originals ??= new GaussianFit(dimensions);
    this.originals.add(await fid.features(originals));
  }

  /** Adds what was summed up of images that come behind. */
  merge({ images, distances, originals, reconstructions }: NetworkSums): void {
    this.images += images;
    for (const each of distances) this.distances.push(each);
    this.originals = united(this.originals, originals);
    this.reconstructions = united(this.reconstructions, reconstructions);
  }
}

function united(first: GaussianFit | undefined, second: GaussianFit | undefined): GaussianFit | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  first.merge(second);
  return first;
}

/** @throws VqkitError("format") for reference statistics of other features than the network's */
function checkReference({ fidReference }: NetworkIdentities, dimensions: number): void {
  if (fidReference === undefined || fidReference.dimensions === dimensions) return;
  throw new VqkitError(
    "format",
    `fidReference: expected statistics of the ${dimensions} features of the network, got ${fidReference.dimensions}. Take those of the same network.`,
  );
}

/** The figures of all that was summed up. @throws VqkitError("format") for reference statistics of other features */
export function networkFigures(sums: NetworkSums, networks: NetworkIdentities): NetworkFigures {
  const lpips = lpipsOf(sums, networks);
  const fid = fidOf(sums, networks);
  return {
    figures: { ...lpips.figures, ...fid.figures },
    conventions: { ...lpips.conventions, ...fid.conventions },
    notMeasured: { ...lpips.notMeasured, ...fid.notMeasured },
    warnings: fid.warnings,
  };
}

function lpipsOf({ images, distances }: NetworkSums, { lpips }: NetworkIdentities) {
  if (lpips === undefined || images === 0) {
    const reason = "no network was given (option lpips): a file made as docs/evaluation.md says";
    return { figures: { lpips: null }, conventions: {}, notMeasured: { lpips: reason } };
  }
  const convention = `distance by the network of SHA-256 ${lpips.sha256}; ${PIXELS}; mean over images`;
  return {
    figures: { lpips: distances.reduce((sum, each) => sum + each, 0) / images },
    conventions: { lpips: convention },
    notMeasured: {},
  };
}

function fidOf({ images, originals: a, reconstructions: b }: NetworkSums, networks: NetworkIdentities) {
  const none = { figures: { fid: null, fidFeatures: null }, conventions: {}, warnings: [] };
  const { fid, fidReference } = networks;
  if (fid === undefined) {
    const reason = "no network was given (option fid): a file made as docs/evaluation.md says";
    return { ...none, notMeasured: { fid: reason } };
  }
  if (b === undefined || b.samples < 2) {
    return { ...none, notMeasured: { fid: `a covariance needs at least 2 images, got ${images}` } };
  }
  const { dimensions, samples } = b;
  checkReference(networks, dimensions);
  const of =
    fidReference === undefined
      ? "of originals and of reconstructions"
      : `of a reference set (statistics of SHA-256 ${fidReference.sha256}) and of reconstructions`;
  const convention = `squared Frechet distance between normal distributions fitted to features ${of} (covariance by N-1); network of SHA-256 ${fid.sha256}, ${dimensions} features; ${fid.input}`;
  const reference = fidReference ?? (a as GaussianFit).gaussian();
  return {
    figures: { fid: frechetDistance(reference, b.gaussian()), fidFeatures: dimensions },
    conventions: { fid: convention },
    notMeasured: {},
    warnings: fewImages(samples, dimensions),
  };
}

function fewImages(samples: number, features: number): string[] {
  const problems = [
    ...(samples < ENOUGH_IMAGES ? [`fewer than ${ENOUGH_IMAGES} images`] : []),
    ...(samples <= features ? [`no more images than the ${features} features (singular covariances)`] : []),
  ];
  if (problems.length === 0) return [];
  return [
    `FID of ${samples} images: ${problems.join(", and ")}. It depends strongly on their number; compare it only with figures of the same images.`,
  ];
}
