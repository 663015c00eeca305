import { VqkitError } from "../../core/errors.js";
import {
  DistanceNetwork,
  type EvaluationNetworks,
  FeatureDistance,
  FeatureNetwork,
  readReferenceStatistics,
} from "../../evaluation/index.js";

/** A file, and the digest that what is in it must have. */
export interface KnownFile {
  readonly path: string;
  readonly sha256: string;
}

/** The files of networks that an evaluation measures with. Plain data. */
export interface NetworkFiles {
  /** An ONNX file where `kind` is null, else the weights of that network, and its heads. */
  readonly lpips?: KnownFile & { readonly kind: string | null; readonly heads: string | null };
  readonly fid?: KnownFile;
  readonly fidReference?: KnownFile;
}

/**
 * Opens networks; the caller releases them.
 *
 * @throws VqkitError("queue") for files with other content than the submitter's; otherwise as each network's `open`
 */
export async function openNetworks(
  { lpips, fid, fidReference }: NetworkFiles,
  threads: number | undefined,
): Promise<EvaluationNetworks> {
  const networks: { -readonly [N in keyof EvaluationNetworks]: EvaluationNetworks[N] } = {};
  try {
    if (lpips !== undefined) {
      const { path, kind, heads } = lpips;
      networks.lpips =
        kind === null
          ? await DistanceNetwork.open(path, { threads })
          : await FeatureDistance.open({ kind, weights: path, ...(heads === null ? {} : { heads }) });
      check("lpips", networks.lpips, lpips);
    }
    if (fid !== undefined) {
      networks.fid = await FeatureNetwork.open(fid.path, { threads });
      check("fid", networks.fid, fid);
    }
    if (fidReference !== undefined) {
      networks.fidReference = await readReferenceStatistics(fidReference.path);
      check("fidReference", networks.fidReference, fidReference);
    }
    return networks;
  } catch (error) {
    await releaseNetworks(networks);
    throw error;
  }
}

export async function releaseNetworks({ lpips, fid }: EvaluationNetworks): Promise<void> {
  await Promise.all([lpips?.release(), fid?.release()]);
}

function check(name: string, { sha256 }: { readonly sha256: string }, file: KnownFile): void {
  if (sha256 === file.sha256) return;
  throw new VqkitError(
    "queue",
    `${name}: expected the file of SHA-256 ${file.sha256.slice(0, 12)}, as the submitter's, got ${sha256.slice(0, 12)} (${file.path}).`,
  );
}
