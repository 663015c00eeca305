import { decoderLayers, encoderLayers, type ImageAutoencoder } from "../../autoencoder/index.js";
import { GraphWriter } from "../../backend/index.js";
import { VqkitError } from "../../core/errors.js";
import { inLayout, sequence, type WeightValues } from "../../nn/index.js";
import type { OnnxQuantizer, Quantizer } from "../../quantizers/index.js";
import { sequenceLength } from "../../tokenizer/index.js";
import { LATENT_GRID, type PixelFormat, writePixelInput, writePixelOutput } from "./pixels.js";
import { onnxQuantizer } from "./quantizers.js";

/** A model as two ONNX files: pixels → indices, and indices → pixels. */
export interface OnnxGraphs {
  readonly encoder: Uint8Array;
  readonly decoder: Uint8Array;
}

/**
 * Writes a model as ONNX: opset 18, operators of the default domain, batch, height and width open, weights inside.
 *
 * @param options.metadata stands in both files, as `metadata_props`
 * @throws VqkitError("format") for a quantizer that cannot be written
 */
export async function writeOnnxGraphs(
  model: ImageAutoencoder,
  { pixels, metadata }: { readonly pixels: PixelFormat; readonly metadata: Readonly<Record<string, string>> },
): Promise<OnnxGraphs> {
  const quantizer = await onnxQuantizer(model.quantizer);
  const weights = await model.copyWeights();
  const facts = { ...metadata, ...quantizer.metadata };
  const parts = { model, quantizer, weights, pixels };
  return {
    encoder: encodeGraph(writeEncoder(parts), "encoder", facts),
    decoder: encodeGraph(writeDecoder(parts), "decoder", facts),
  };
}

/** What is left for names, nodes and metadata is far more than they need. */
const MAX_CONSTANT_BYTES = 2 ** 31 - 2 ** 24;

/**
 * A finished graph as the bytes of a file.
 *
 * @throws VqkitError("format") when its constants do not fit into one file: a protobuf message has less than 2 GiB
 */
export function encodeGraph(
  g: GraphWriter,
  part: "encoder" | "decoder",
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const bytes = g.constantBytes;
  if (bytes <= MAX_CONSTANT_BYTES) return g.encode(part, { ...metadata, part });
  throw new VqkitError(
    "format",
    `${part}.onnx: expected weights of less than 2 GiB, as much as one ONNX file holds, got ${(bytes / 2 ** 30).toFixed(2)} GiB. ` +
      "Only a model with fewer weights can be exported.",
  );
}

interface Parts {
  readonly model: ImageAutoencoder;
  readonly quantizer: OnnxQuantizer;
  readonly weights: WeightValues;
  readonly pixels: PixelFormat;
}

function writeEncoder({ model, quantizer, weights, pixels }: Parts): GraphWriter {
  const { config, quantizer: live } = model;
  const g = new GraphWriter();
  const input = writePixelInput(g, pixels, config.downsamplingFactor);
  const latents = sequence(encoderLayers(config, live.codeDim)).onnx(g, input, weights);
  const indices = g.within("quantizer", () => quantizer.writeEncoder(g, inLayout(g, latents, "NHWC")));
  g.output("indices", indices, { type: "int32", dims: indexDims(live) });
  return g;
}

function writeDecoder({ model, quantizer, weights, pixels }: Parts): GraphWriter {
  const { config, quantizer: live } = model;
  const g = new GraphWriter();
  const indices = g.input("indices", "int32", indexDims(live));
  const codes = g.within("quantizer", () => quantizer.writeDecoder(g, indices));
  const input = { name: codes, layout: "NHWC", channels: live.codeDim, grid: LATENT_GRID, scale: 1 } as const;
  const decoder = sequence(decoderLayers(config, live.codeDim));
  writePixelOutput(g, decoder.onnx(g, input, weights, { codes: input }), pixels);
  return g;
}

function indexDims({ sequence: codes, numCodebooks }: Quantizer): (string | number)[] {
  if (codes === undefined) return ["batch", `${LATENT_GRID}_height`, `${LATENT_GRID}_width`, numCodebooks];
  return ["batch", 1, sequenceLength(codes.scales), numCodebooks];
}
