import { VqkitError } from "../core/errors.js";
import type { AutoencoderConfig } from "./config-fields.js";

/**
 * Checks that a model can decode.
 *
 * @param where names the caller in the message
 * @throws VqkitError("format") for an encoder by itself
 */
export function checkDecoder({ decoder }: Pick<AutoencoderConfig, "decoder">, where: string): void {
  if (decoder) return;
  throw new VqkitError(
    "format",
    `${where}: expected a model with a decoder, got an encoder by itself: its codes can be made, not decoded. Take the original checkpoint, if that holds the decoder.`,
  );
}
