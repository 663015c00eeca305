import { createHash } from "node:crypto";
import { VqkitError } from "../core/errors.js";
import { readNpz, type StoredTensor } from "../files/index.js";
import type { Gaussian } from "../metrics/index.js";

/** InceptionV3's last pooling has 2,048 features; a larger network's fit too. */
const MAX_FEATURES = 8192;

/** Mean and covariance of the features of a reference set, as others have computed and published them. */
export interface ReferenceStatistics extends Gaussian {
  /** D. */
  readonly dimensions: number;
  /** SHA-256 of mean and covariance in double precision, 64 hexadecimal digits. */
  readonly sha256: string;
}

/**
 * Reads reference statistics of FID out of an .npz with `mu` [D] and `sigma` [D, D], as ADM's evaluator, clean-fid and
 * pytorch-fid write them.
 *
 * @throws VqkitError("format") for other arrays; VqkitError("numerics") for values that are not finite; VqkitError("file")
 */
export async function readReferenceStatistics(path: string): Promise<ReferenceStatistics> {
  const { mu, sigma } = await readNpz(path, ["mu", "sigma"], MAX_FEATURES ** 2 * 8);
  const [mean, covariance] = [doubles(mu, path, "mu"), doubles(sigma, path, "sigma")];
  const d = mean.length;
  if (mu.shape.length !== 1 || sigma.shape.join() !== [d, d].join()) {
    throw new VqkitError(
      "format",
      `${path}: expected mu [D] and sigma [D,D], got [${mu.shape.join()}] and [${sigma.shape.join()}].`,
    );
  }
  const sha256 = createHash("sha256").update(mean).update(covariance).digest("hex");
  return { mean, covariance, dimensions: d, sha256 };
}

function doubles({ dtype, data }: StoredTensor, path: string, name: string): Float64Array {
  if (dtype !== "F64" && dtype !== "F32") {
    throw new VqkitError("format", `${path}: ${name}: expected float64 or float32, got ${dtype}.`);
  }
  const values = Float64Array.from(data as Float32Array | Float64Array);
  const odd = values.findIndex((value) => !Number.isFinite(value));
  if (odd >= 0) {
    throw new VqkitError("numerics", `${path}: ${name}: expected finite numbers, got ${values[odd]}.`);
  }
  return values;
}
