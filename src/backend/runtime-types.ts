/**
 * ONNX Runtime's types as far as the engine needs them: whoever compiles against vqkit needs no other package's, nor a
 * browser's, which onnxruntime-common's name.
 */

export type ElementName =
  | "float32"
  | "float16"
  | "float64"
  | "int8"
  | "uint8"
  | "int16"
  | "uint16"
  | "int32"
  | "uint32"
  | "int64"
  | "uint64"
  | "bool"
  | "string";

export type TensorValues =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | string[];

/** A tensor of ONNX Runtime's. */
export interface Tensor {
  readonly type: string;
  readonly data: TensorValues;
  readonly dims: readonly number[];
  readonly size: number;
  /** `gpu-buffer`: its values are in a device's memory alone. */
  readonly location: string;
  /** A handle to a device's memory. */
  readonly gpuBuffer: unknown;
  dispose(): void;
}

export interface TensorConstructor {
  new (type: ElementName, data: TensorValues | readonly boolean[], dims?: readonly number[]): Tensor;
  fromGpuBuffer(
    buffer: unknown,
    options: { readonly dataType: "float32"; readonly dims: readonly number[] },
  ): Tensor;
}

/** What a session is made with: any of ONNX Runtime's `InferenceSession.SessionOptions`. */
export interface SessionOptions {
  readonly executionProviders?: readonly (string | ({ readonly name: string } & Record<string, unknown>))[];
  readonly intraOpNumThreads?: number;
  readonly interOpNumThreads?: number;
  readonly graphOptimizationLevel?: "disabled" | "basic" | "extended" | "layout" | "all";
  /** 0 tells all, 4 fatal errors alone. */
  readonly logSeverityLevel?: 0 | 1 | 2 | 3 | 4;
  readonly preferredOutputLocation?: Readonly<Record<string, string>>;
  readonly [option: string]: unknown;
}

/** What a file says of an input or output. */
export type ValueMetadata =
  | { readonly name: string; readonly isTensor: false }
  | {
      readonly name: string;
      readonly isTensor: true;
      readonly type: string;
      readonly shape: readonly (number | string)[];
    };

/** A graph that can be run. */
export interface InferenceSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  readonly inputMetadata: readonly ValueMetadata[];
  readonly outputMetadata: readonly ValueMetadata[];
  /** @param outputs names of those wanted; all when left out */
  run(
    feeds: Readonly<Record<string, Tensor>>,
    outputs?: readonly string[],
  ): Promise<Readonly<Record<string, Tensor>>>;
  release(): Promise<void>;
}

export interface SessionFactory {
  /** @param model an ONNX file, or its bytes */
  create(model: string | Uint8Array, options?: SessionOptions): Promise<InferenceSession>;
}
