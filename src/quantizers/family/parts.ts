/** The parts that a vector quantizer is made of. To add one, write its file and name it here. */
import { bridge } from "../codebooks/bridge.js";
import type { CodebookPart } from "../codebooks/codebook.js";
import { ema } from "../codebooks/ema.js";
import { emaSphere } from "../codebooks/ema-sphere.js";
import { free } from "../codebooks/free.js";
import { frozen } from "../codebooks/frozen.js";
import { innerProduct } from "../codebooks/inner-product.js";
import { linear } from "../codebooks/linear.js";
import { sphere } from "../codebooks/sphere.js";
import { diveqDetachEstimator, diveqEstimator } from "../gradients/diveq.js";
import type { EstimatorPart, GradientEstimator } from "../gradients/estimator.js";
import { gumbelSoftmaxEstimator } from "../gradients/gumbel-softmax.js";
import { nsvqEstimator } from "../gradients/nsvq.js";
import { reinmaxEstimator } from "../gradients/reinmax.js";
import { reflectionEstimator, rotationEstimator } from "../gradients/rotation.js";
import { softmaxEstimator } from "../gradients/softmax.js";
import { straightThroughEstimator } from "../gradients/straight-through.js";

export const codebookParts = [free, ema, linear, sphere, innerProduct, emaSphere, frozen, bridge] as const;

export const estimatorParts = [
  straightThroughEstimator,
  rotationEstimator,
  reflectionEstimator,
  diveqDetachEstimator,
  diveqEstimator,
  nsvqEstimator,
  softmaxEstimator,
  gumbelSoftmaxEstimator,
  reinmaxEstimator,
] as const;

export type CodebookName = (typeof codebookParts)[number]["name"];
export type GradientName = (typeof estimatorParts)[number]["name"];

/** @throws TypeError for a name that no part has */
export function codebookNamed(name: string): CodebookPart {
  return named<CodebookPart>(codebookParts, name);
}

/** @throws TypeError for a name that no part has */
export function estimatorNamed(name: string): EstimatorPart {
  return named<EstimatorPart>(estimatorParts, name);
}

function named<P extends { readonly name: string }>(parts: readonly P[], name: string): P {
  const part = parts.find((each) => each.name === name);
  if (part === undefined) throw new TypeError(`no part is called ${name}`);
  return part;
}

/** Every gradient estimator of the family, in each of its variants, by name. */
export const gradientEstimators: Readonly<Record<string, GradientEstimator>> = Object.fromEntries(
  (estimatorParts as readonly EstimatorPart[]).flatMap((part) =>
    Object.entries(part.variants).map(([name, options]) => [name, part.create(options)]),
  ),
);
