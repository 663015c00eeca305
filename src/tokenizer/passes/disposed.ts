import { VqkitError } from "../../core/errors.js";

/** What a call of a tokenizer that is gone fails with. */
export function disposedError(): VqkitError {
  return new VqkitError(
    "engine",
    "Tokenizer: expected one that is in use, got one after dispose(). Load it again.",
  );
}
