/** Raised by the ONNX Runtime backend; `code` is stable, the text is not. */
export class BackendError extends Error {
  readonly code:
    | "unsupported"
    | "synchronous-read"
    | "recording-too-long"
    | "not-repeatable"
    | "disposed"
    | "runtime"
    | "shape"
    | "format";

  constructor(code: BackendError["code"], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "BackendError";
    this.code = code;
  }
}
