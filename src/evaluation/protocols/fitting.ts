import { ConfigError, VqkitError } from "../../core/errors.js";
import type { ImageBatch, ImageDataset } from "../../data/index.js";
import type { FeatureNetwork } from "../image-networks.js";
import type { ReferenceStatistics } from "../reference-statistics.js";
import type { EvaluationProtocol } from "./protocol.js";

/*
 * A protocol's name stands beside figures only where everything fits that it fixes. What does not is refused before
 * anything is measured, but for files that turn out to be broken on the way.
 */

const NEXT = "Measure other images without a protocol: its name would promise what they are not.";

/** @throws VqkitError("data") for another number of files, other names, or an image twice */
export function checkProtocolImages(protocol: EvaluationProtocol, files: readonly string[]): void {
  const { set, count, fileName, example } = protocol.images;
  const what = `the ${count.toLocaleString("en-US")} images of ${set} (protocol ${protocol.name})`;
  if (files.length !== count) {
    throw new VqkitError(
      "data",
      `images: expected ${what}, got ${files.length.toLocaleString("en-US")}. ${NEXT}`,
    );
  }
  const seen = new Map<string, string>();
  for (const file of files) {
    const [id] = fileName.exec(baseName(file)) ?? [];
    if (id === undefined) {
      throw new VqkitError("data", `images: expected ${what}, named as ${example}, got ${file}. ${NEXT}`);
    }
    const other = seen.get(id);
    if (other !== undefined) {
      throw new VqkitError("data", `images: expected ${what}, each once, got ${other} and ${file}. ${NEXT}`);
    }
    seen.set(id, file);
  }
}

function baseName(file: string): string {
  return file.slice(Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")) + 1);
}

/**
 * The evaluation batches of a dataset whose files `checkProtocolImages` has seen.
 *
 * @throws VqkitError("data") while iterating, as soon as one of them is found to be broken
 */
export async function* protocolBatches(
  protocol: EvaluationProtocol,
  dataset: ImageDataset,
  options: { readonly batchSize: number },
): AsyncGenerator<ImageBatch, void, undefined> {
  const files = new Set(dataset.evaluationFiles);
  const refuseBroken = () => {
    const broken = dataset.broken.find(({ file }) => files.has(file));
    if (broken === undefined) return;
    throw new VqkitError(
      "data",
      `${broken.file}: expected all images of protocol ${protocol.name} to be readable, got ${broken.reason}. Replace the file.`,
    );
  };
  for await (const batch of dataset.evaluationBatches(options)) {
    refuseBroken();
    yield batch;
  }
  refuseBroken();
}

/** What an evaluation by a protocol is measured with. */
export interface ProtocolNetworks {
  /** The kind of the network that LPIPS was given by (`alex`, `vgg`, `squeeze`, `onnx`), with heads or without; `file` for an ONNX file of the distance. */
  readonly lpips?: { readonly kind: string; readonly heads: boolean } | undefined;
  /** Opened with the protocol's input. */
  readonly fid?: FeatureNetwork | undefined;
  readonly fidReference?: ReferenceStatistics | undefined;
}

/**
 * Holds networks and reference against what a protocol fixes; computes the features of one grey image.
 *
 * @throws ConfigError at `fid`, `fidReference` or `lpips` for what is missing or of another kind; BackendError("shape")
 * for a network that takes images of another size
 */
export async function checkProtocolNetworks(
  protocol: EvaluationProtocol,
  { lpips, fid, fidReference }: ProtocolNetworks,
): Promise<void> {
  const { name, covers } = protocol;
  const measured = covers.filter((figure) => figure === "psnr" || { lpips, fid }[figure] !== undefined);
  if (measured.length === 0) {
    throw new ConfigError("fid", `expected a network of features for protocol ${name}, got none.`);
  }
  if (lpips !== undefined && covers.includes("lpips")) checkLpips(protocol, lpips);
  if (fid === undefined) return;
  checkReference(protocol, fidReference);
  await checkFeatures(protocol, fid);
}

function checkLpips(
  { name, lpips = [] }: EvaluationProtocol,
  given: NonNullable<ProtocolNetworks["lpips"]>,
): void {
  if (lpips.some((kind) => kind === given.kind) && given.heads) return;
  const wanted = lpips.map((kind) => `${kind} with heads`).join(" or ");
  const got = given.kind === "file" ? "an ONNX file" : `${given.kind}${given.heads ? "" : " without heads"}`;
  throw new ConfigError("lpips", `expected ${wanted} for protocol ${name}, got ${got}.`);
}

function checkReference(
  { name, fid: { reference, statistics = "statistics", features } }: EvaluationProtocol,
  given: ReferenceStatistics | undefined,
): void {
  if (reference === "images" && given !== undefined) {
    throw new ConfigError(
      "fidReference",
      `expected none for protocol ${name}, which holds reconstructions against the same images. Leave it out.`,
    );
  }
  if (reference === "images") return;
  if (given === undefined) {
    throw new ConfigError("fidReference", `expected ${statistics} for protocol ${name}, got none.`);
  }
  if (given.dimensions !== features) {
    throw new ConfigError(
      "fidReference",
      `expected statistics of ${features} features for protocol ${name}, got ${given.dimensions}.`,
    );
  }
}

async function checkFeatures(
  { name, side, fid }: EvaluationProtocol,
  network: FeatureNetwork,
): Promise<void> {
  const pixels = new Uint8Array(side * side * 3).fill(128);
  const found = await network.features({ pixels, count: 1, height: side, width: side });
  if (found.length === fid.features) return;
  throw new ConfigError(
    "fid",
    `expected a network of ${fid.features} features for protocol ${name}, got ${found.length}. Take InceptionV3 with the weights of 2015, up to its last pooling.`,
  );
}
