import type { AutoencoderConfig } from "../autoencoder/index.js";
import { halvings } from "../autoencoder/index.js";
import type { StoredTensor } from "../files/index.js";
import type { WeightValue } from "../nn/index.js";
import { outputsFirst } from "../nn/index.js";
import { diffusersNames } from "./families/diffusers.js";
import { NameTable } from "./name-table.js";
import { theirName } from "./weight-map.js";

/**
 * The weights of a model under the names and in the layout of diffusers' `VQModel`.
 *
 * @param weights by our names, with `quantizer/codes` [K, D] and the convolutions beside the quantizer
 */
export function toDiffusersWeights(
  weights: ReadonlyMap<string, WeightValue>,
  config: AutoencoderConfig,
): Map<string, StoredTensor> {
  const counts = { stages: config.widthMultipliers.length, halvings: halvings(config) };
  const table = new NameTable(diffusersNames(config.decoderNorm === "spatial" ? "spatial" : "group"), counts);
  return new Map([...weights].map(([name, value]) => [theirName(name, table), stored(name, value)]));
}

/** Kernels [H, W, I, O] → [O, I, H, W]; those of an attention are matrices [O, I]. */
function stored(name: string, { shape, data }: WeightValue): StoredTensor {
  if (!name.endsWith("/kernel")) return { dtype: "F32", shape, data };
  const [h, w, i, o] = shape as readonly [number, number, number, number];
  const turned = outputsFirst(data, [h * w, i, o]);
  const isMatrix = /\/(query|key|value)\/kernel$|\/attention\d+\/out\/kernel$/.test(name);
  return { dtype: "F32", shape: isMatrix ? [o, i] : [o, i, h, w], data: turned };
}
