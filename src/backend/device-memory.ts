import { BackendError } from "./errors.js";
import { encodeModel } from "./onnx/model-proto.js";
import { InferenceSession, Tensor as OrtTensor } from "./onnxruntime.js";
import type { DataRecord } from "./recording.js";
import { bytesOf } from "./values.js";

/** Whether values are in a device's memory alone. */
export function isOnDevice(tensor: OrtTensor | undefined): boolean {
  return tensor?.location === "gpu-buffer";
}

/**
 * The values that a device keeps between runs, as it does with weights and an optimizer's moments: they are fed to the
 * next run where they lie. ONNX Runtime for Node can hand such tensors out and take them in, but cannot read them
 * (`getData` ends the process, in 1.30), so a graph that copies does.
 *
 * Calls must not overlap with runs.
 */
export class DeviceMemory {
  readonly #kept = new Set<DataRecord>();
  /** Disposed of by tfjs, while recorded operations may still wait for them. */
  readonly #retired = new Set<DataRecord>();
  #copier: Promise<InferenceSession> | undefined;

  /** Takes charge of a record that has just got its values, if a device has them. */
  keep(record: DataRecord): void {
    if (!isOnDevice(record.tensor)) return;
    if (record.refCount > 0) this.#kept.add(record);
    else this.#retired.add(record);
  }

  /** The record's tensor is disposed of. */
  retire(record: DataRecord): void {
    if (this.#kept.delete(record)) this.#retired.add(record);
  }

  /** What is there, retired records included. */
  get bytes(): number {
    let bytes = 0;
    for (const record of [...this.#kept, ...this.#retired]) bytes += bytesOf(record);
    return bytes;
  }

  /** Frees what has been retired, but for what recorded operations still wait for. */
  sweep(awaited: ReadonlySet<DataRecord>): void {
    for (const record of this.#retired) {
      if (awaited.has(record)) continue;
      record.tensor?.dispose();
      record.tensor = undefined;
      this.#retired.delete(record);
    }
  }

  /** Brings a record's values to the CPU, and frees the device's. */
  async fetch(record: DataRecord): Promise<void> {
    const tensor = record.tensor;
    if (tensor === undefined || !isOnDevice(tensor)) return;
    this.#copier ??= InferenceSession.create(copyModel(), {
      executionProviders: ["webgpu"],
      logSeverityLevel: 3,
    });
    // The same memory as a list of numbers, so that one graph copies any shape.
    const { gpuBuffer, dims, size } = tensor;
    const list = OrtTensor.fromGpuBuffer(gpuBuffer, { dataType: "float32", dims: [size] });
    try {
      const { copy } = await (await this.#copier).run({ values: list });
      record.tensor = new OrtTensor("float32", copy?.data as Float32Array, dims);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      throw new BackendError("runtime", `ONNX Runtime failed to read the device's memory: ${text}`, {
        cause: error,
      });
    }
    tensor.dispose();
    this.#kept.delete(record);
  }

  /** Brings everything to the CPU, as another device must find it there. */
  async fetchAll(): Promise<void> {
    for (const record of [...this.#kept, ...this.#retired]) await this.fetch(record);
    this.#retired.clear();
    await (await this.#copier)?.release();
    this.#copier = undefined;
  }
}

function copyModel(): Uint8Array {
  const list = (name: string) => ({ name, type: "float32", dims: ["size"] }) as const;
  const graph = {
    name: "copy",
    nodes: [{ opType: "Identity", inputs: ["values"], outputs: ["copy"], attributes: {} }],
    initializers: [],
    inputs: [list("values")],
    outputs: [list("copy")],
  };
  return encodeModel(graph, { opset: 18, producer: "vqkit" });
}
