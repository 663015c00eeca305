/** What vqkit cannot hold, by names of weights and configuration, and what stands in the way. */
import type { FoundConfig, FoundWeights } from "./family.js";

interface Refusal {
  readonly reason: string;
  holds(found: FoundWeights): boolean;
}

const has =
  (pattern: RegExp) =>
  ({ shapes }: FoundWeights): boolean =>
    [...shapes.keys()].some((name) => pattern.test(name));

const className = (config: FoundConfig | undefined): unknown => config?.content._class_name;

/** Of a network of this kind (an `encoder.conv_in`) that is nevertheless another. */
const networks: readonly Refusal[] = [
  {
    reason:
      "its convolutions are three-dimensional: it is a tokenizer of video, and vqkit holds those of images",
    holds: ({ shapes }) => [...shapes.values()].some((shape) => shape.length === 5),
  },
  {
    reason:
      "its codes are chosen by a Gumbel softmax over a convolution (quantize.proj), which vqkit has no quantizer for",
    holds: has(/^quantize\.proj\./),
  },
  {
    reason: "its codes are those of several scales (quantize.quant_resi), which vqkit has no quantizer for",
    holds: has(/quant_resi/),
  },
  {
    reason:
      "it is a variational autoencoder (KL): its latents are continuous, and there are no codes to count or write",
    holds: (found) =>
      ["AutoencoderKL", "AsymmetricAutoencoderKL"].includes(String(className(found.config))) ||
      (doubled(found) && !has(/^quantize|^quantizer/)(found)),
  },
];

/** Of files without an `encoder.conv_in`. */
const others: readonly Refusal[] = [
  {
    reason: "it is a tokenizer made of transformers, and vqkit holds convolutional ones",
    holds: has(
      /(^|\.)(encoder|decoder)\.(transformer|blocks\.\d+\.(attn|norm1)|encoder_layers|positional_embedding|class_embedding|latent_token)|latent_tokens/,
    ),
  },
  {
    reason: "it is a deep-compression or other autoencoder whose network vqkit does not have",
    holds: has(/(^|\.)encoder\./),
  },
  {
    reason: "it is a classifier, without a decoder or codes",
    holds: has(/(^|\.)(fc|classifier|head)\.weight$/),
  },
];

/** Latents of twice the channels that the decoder takes: means and variances. */
function doubled({ shapes }: FoundWeights): boolean {
  const [encoder, decoder] = [
    shapes.get("encoder.conv_out.weight")?.[0],
    shapes.get("decoder.conv_in.weight")?.[1],
  ];
  return encoder !== undefined && decoder !== undefined && encoder === 2 * decoder;
}

/** Why a network of this kind is refused; undefined where nothing of this list is seen. */
export function networkRefusal(found: FoundWeights): string | undefined {
  return networks.find(({ holds }) => holds(found))?.reason;
}

/** What a file without such a network seems to be. */
export function fileRefusal(shapes: FoundWeights["shapes"]): string {
  const found = { shapes, config: undefined };
  return others.find(({ holds }) => holds(found))?.reason ?? "it has no weights of a convolutional tokenizer";
}
