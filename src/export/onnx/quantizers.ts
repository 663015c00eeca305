/** The quantizers' part of an exported model. */
import { VqkitError } from "../../core/errors.js";
import type { OnnxQuantizer, Quantizer } from "../../quantizers/index.js";

/** Reads what a quantizer has learned and returns how to write it. */
export type OnnxQuantizerExport = (quantizer: Quantizer) => Promise<OnnxQuantizer>;

const registered = new Map<string, OnnxQuantizerExport>();

/**
 * Tells `exportOnnx` how to write a kind of quantizer, in place of what the quantizer itself says (`Quantizer.onnx`).
 *
 * What is written has to find the same indices as the quantizer itself: `exportOnnx` compares them.
 *
 * @param kind as in `registerQuantizer`; registering it again replaces the earlier export
 */
export function registerOnnxExport(kind: string, create: OnnxQuantizerExport): void {
  registered.set(kind, create);
}

/** @throws VqkitError("format") for a quantizer that does not say, of a kind that nothing is registered for */
export async function onnxQuantizer(quantizer: Quantizer): Promise<OnnxQuantizer> {
  const own = registered.get(quantizer.config.kind);
  if (own !== undefined) return own(quantizer);
  if (quantizer.onnx !== undefined) return quantizer.onnx();
  throw new VqkitError(
    "format",
    `quantizer.kind: expected one that can be written as ONNX, got ${JSON.stringify(quantizer.config.kind)}. ` +
      "Register how by registerOnnxExport in the module that registers the quantizer.",
  );
}
