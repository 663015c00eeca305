import { closest, distance } from "fastest-levenshtein";

/** Words that other programs have for what is known here by another, in lower case and without - and _. */
const OTHER_WORDS: Readonly<Record<string, readonly string[]>> = {
  // devices
  webgpu: ["gpu", "vulkan", "metal", "mps", "directx", "amd", "rocm"],
  cuda: ["nvidia", "cuda:0"],
  // engines
  onnxruntime: ["onnx", "ort"],
  tensorflow: ["tf", "tfjs", "tfjsnode"],
  // reconstruction losses
  l2: ["mse"],
  l1: ["mae"],
  huber: ["smoothl1"],
  // formats of codes
  npy: ["numpy", "npz"],
  jsonl: ["json", "ndjson"],
  tar: ["webdataset", "wds"],
  // quantizers
  vq: ["vqvae", "vqgan", "vqvae2", "ema", "emavq", "vqema", "vanilla", "kmeans"],
  rotation: ["rotationtrick", "rot", "rotvq"],
  simvq: ["simplevq"],
  fsq: ["finitescalar", "finitescalarquantization"],
  lfq: ["lookupfree", "lookupfreequantization"],
  bsq: ["binaryspherical", "binarysphericalquantization"],
  residual: ["rvq", "rq", "rqvae", "residualvq", "soundstream"],
  "residual-fsq": ["rfsq", "residualfsq"],
  grouped: ["pq", "product", "productquantization", "multihead", "groupedvq"],
  "multi-scale": ["var", "msvq", "multiscale", "multiscalevq", "hierarchical"],
};

/** The known name of what another program calls `given`; undefined where we know of none. */
export function ourWordFor(given: string, known: readonly string[]): string | undefined {
  const plain = given.toLowerCase().replace(/[-_ ]/g, "");
  return known.find((name) => OTHER_WORDS[name]?.includes(plain));
}

/**
 * ` Did you mean "vq"?` when a known name is what another program calls `given`, or is near it (at most 40 % of its
 * letters differ), else "".
 */
export function didYouMean(given: string, known: readonly string[]): string {
  if (known.length === 0) return "";
  const same = ourWordFor(given, known);
  if (same !== undefined) return ` Did you mean "${same}"?`;
  const nearest = closest(given, known);
  const allowed = Math.max(1, Math.floor(0.4 * Math.max(given.length, nearest.length)));
  return distance(given, nearest) <= allowed ? ` Did you mean "${nearest}"?` : "";
}

/** `Unknown quantizer "vqq". Known: fsq, rotation, simvq, vq. Did you mean "vq"?` */
export function unknownName(what: string, given: string, known: readonly string[]): string {
  const sorted = [...known].sort();
  return `Unknown ${what} "${given}". Known: ${sorted.join(", ")}.${didYouMean(given, sorted)}`;
}
