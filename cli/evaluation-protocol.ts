import { ConfigError } from "../src/core/errors.js";
import type { ImageBatch, ImageDataset, ImageDatasetOptions, RgbImage } from "../src/data/index.js";
import type { EvaluationNetworks, FeatureNetwork } from "../src/evaluation/index.js";
import type { EvaluationProtocol, ProtocolSummary } from "../src/evaluation/protocols/index.js";
import type { RunConfig } from "../src/training/index.js";
import { UsageError } from "./errors.js";
import type { EvaluationFlags } from "./evaluation-settings.js";
import { isNetworkSpec, networkSpec } from "./network-spec.js";

/** Flags that say something of a protocol, or against it. */
export interface ProtocolFlags extends Omit<EvaluationFlags, "images"> {
  readonly protocol?: string;
  readonly lpips?: string;
  readonly fid?: string;
  readonly fidReference?: string;
}

/** Flags by the names that the library has for them. */
const FLAGS: Readonly<Record<string, string>> = {
  protocol: "--protocol",
  lpips: "--lpips",
  fid: "--fid",
  fidReference: "--fid-reference",
};

/**
 * The protocol that flags name; undefined without one.
 *
 * @throws UsageError for an unknown name, and for flags that say otherwise than it
 */
export async function namedProtocol(flags: ProtocolFlags): Promise<EvaluationProtocol | undefined> {
  const { protocol: name } = flags;
  if (name === undefined) return undefined;
  const { evaluationProtocol } = await import("../src/evaluation/protocols/index.js");
  const protocol = await inFlagNames(async () => evaluationProtocol(name));
  const fixed = protocolSettings(protocol);
  for (const [flag, given, wanted] of [
    ["--crop-size", flags.cropSize, fixed.cropSize],
    ["--resize", flags.resize, fixed.resize],
    ["--crops-per-image", flags.cropsPerImage, fixed.cropsPerImage],
  ] as const) {
    const said = Array.isArray(given) && given[0] === given[1] ? given[0] : given;
    if (said === undefined || said === wanted) continue;
    const got = Array.isArray(said) ? said.join("x") : said;
    throw new UsageError(`${flag}: expected ${wanted} for protocol ${name}, got ${got}. Leave the flag out.`);
  }
  return protocol;
}

/** What a protocol says of how images are cut, in place of flags. */
export function protocolSettings({ side }: EvaluationProtocol) {
  return { cropSize: side, resize: side, cropsPerImage: 1 };
}

/** Networks and reference of an evaluation against what its protocol fixes. @throws UsageError */
export async function checkWithProtocol(
  protocol: EvaluationProtocol,
  {
    fid,
    fidReference,
  }: Pick<EvaluationNetworks, "fidReference"> & { readonly fid?: FeatureNetwork | undefined },
  { lpips }: ProtocolFlags,
): Promise<void> {
  const { checkProtocolNetworks } = await import("../src/evaluation/protocols/index.js");
  await inFlagNames(() =>
    checkProtocolNetworks(protocol, {
      fid,
      fidReference,
      ...(lpips === undefined ? {} : { lpips: lpipsOf(lpips) }),
    }),
  );
}

/**
 * The images of an evaluation, cut as its protocol says where it has one.
 *
 * @throws VqkitError("data") for images that are not the protocol's
 */
export async function openImages(
  {
    data,
    batchSize,
    protocol,
  }: Pick<RunConfig, "data" | "batchSize"> & { readonly protocol: EvaluationProtocol | undefined },
  hooks: ImageDatasetOptions,
): Promise<{ readonly dataset: ImageDataset; readonly batches: () => AsyncIterable<ImageBatch> }> {
  const { ImageDataset } = await import("../src/data/index.js");
  if (protocol === undefined) {
    const dataset = await ImageDataset.open(data, 0, hooks);
    const { IMAGES_PER_PART: imagesPerPart } = await import("../src/evaluation/index.js");
    return { dataset, batches: () => dataset.evaluationBatches({ batchSize, imagesPerPart }) };
  }
  const { checkProtocolImages, protocolBatches } = await import("../src/evaluation/protocols/index.js");
  const prepare = (image: RgbImage) => protocol.preparation.prepare(image, protocol.side);
  const dataset = await ImageDataset.open(data, 0, { ...hooks, prepare });
  checkProtocolImages(protocol, dataset.evaluationFiles);
  return { dataset, batches: () => protocolBatches(protocol, dataset, { batchSize }) };
}

function lpipsOf(text: string): { readonly kind: string; readonly heads: boolean } {
  if (!isNetworkSpec(text)) return { kind: "file", heads: false };
  const { kind, heads } = networkSpec(text);
  return { kind, heads: heads !== undefined };
}

/** Errors of the library with the names of flags, of those too that were not given. */
async function inFlagNames<T>(check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    const flag = error instanceof ConfigError ? FLAGS[error.path] : undefined;
    if (flag === undefined) throw error;
    const { path, message } = error as ConfigError;
    throw new UsageError(flag + message.slice(path.length));
  }
}

/** What stands below the table of an evaluation by a protocol. */
export function protocolNotes({ name, figures, differences }: ProtocolSummary): string {
  const lines = [
    `Protocol ${name} covers ${figures.join(", ")} here; the other figures are by vqkit's own conventions.`,
    ...differences.map((difference) => `  ${difference}`),
  ];
  return lines.join("\n");
}
