import type { DataType, TensorInfo } from "../../tf/index.js";
import { Value } from "../onnx/value.js";
import type { Kernel, TensorSpec } from "../recording.js";

/** `Fill` is recorded with its value as an input, so that a value that changes does not make another graph. */
export const fill: Kernel<{ shape: readonly number[] }> = {
  name: "Fill",
  record(inputs, attrs) {
    const value = inputs.value as TensorInfo;
    const shape = attrs.shape as number[];
    return { inputs: [value], attrs: { shape }, outputs: [{ shape, dtype: value.dtype }] };
  },
  lower(g, [value], { attrs, outputs }) {
    const { shape, dtype } = outputs[0] as TensorSpec;
    return new Value(g.expand(g.plain(value as Value), attrs.shape), shape, dtype);
  },
};

function like(name: string, value: number): Kernel<{ shape: readonly number[]; dtype: DataType }> {
  return {
    name,
    record(inputs) {
      const { shape, dtype } = inputs.x as TensorInfo;
      return { inputs: [], attrs: { shape, dtype }, outputs: [{ shape, dtype }] };
    },
    lower(g, _, { attrs: { shape, dtype } }) {
      return new Value(g.expand(g.scalar(value, dtype), shape), shape, dtype);
    },
  };
}

export const creationKernels: readonly Kernel[] = [like("ZerosLike", 0), like("OnesLike", 1)] as Kernel[];

/** start, start + step, … up to but without stop; a step of 1 goes down by itself, as tfjs has it. */
export function range(start: number, stop: number, step: number): number[] {
  const count =
    start === stop || (start < stop && step < 0) || (stop < start && step > 1)
      ? 0
      : Math.max(0, Math.abs(Math.ceil((stop - start) / step)));
  const direction = stop < start && step === 1 ? -1 : step;
  return Array.from({ length: count }, (_, i) => start + i * direction);
}

export function linspace(start: number, stop: number, count: number): number[] {
  return Array.from(
    { length: count },
    (_, i) => start + (count > 1 ? (i * (stop - start)) / (count - 1) : 0),
  );
}

/** Numbers in [0, 1), the same for the same seed: Weyl steps mixed as in splitmix32. */
export function uniforms(seed: number, count: number): Float32Array {
  // A fraction, as from Math.random(), is as good a seed as an integer.
  let state = Math.floor(Number.isInteger(seed) ? seed : seed * 2 ** 32);
  return Float32Array.from({ length: count }, () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 8) / 2 ** 24;
  });
}
