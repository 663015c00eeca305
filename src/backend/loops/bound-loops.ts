import { Tensor as OrtTensor } from "../onnxruntime.js";
import type { DataRecord, Recording } from "../recording.js";
import { ElementLoop } from "./element-loop.js";
import type { SplitRecording } from "./recording-tail.js";
import type { RecycledArrays } from "./recycled-arrays.js";

/** A tensor that was computed. */
export interface GraphResult {
  readonly tensor: OrtTensor;
  /** Whether its array may be written again once nobody needs the tensor. */
  readonly isRecyclable: boolean;
}

/** What a run has to give to loops. */
interface Computed {
  readonly leaves: readonly DataRecord[];
  /** Of the graph's targets. */
  readonly outputs: readonly OrtTensor[];
}

type Source = (computed: Computed) => Float32Array;

interface BoundLoop {
  readonly loop: ElementLoop;
  readonly arrays: readonly Source[];
  readonly scalars: readonly Source[];
  readonly shapes: readonly (readonly number[])[];
}

/** Where a target of the recording comes from. */
type Origin = { readonly output: number } | { readonly loop: number; readonly result: number };

/** The loops of a recording, which run after its graph, and what of both is the recording's result. */
export class BoundLoops {
  readonly #loops: readonly BoundLoop[];
  readonly #origins: readonly Origin[];

  constructor({ leaves, targets }: Recording, split: SplitRecording) {
    const source = (record: DataRecord): Source => {
      const output = split.targets.indexOf(record);
      if (output >= 0) return ({ outputs }) => (outputs[output] as OrtTensor).data as Float32Array;
      const leaf = leaves.indexOf(record);
      return (computed) => {
        const { tensor } = computed.leaves[leaf] as DataRecord;
        return (tensor as OrtTensor).data as Float32Array;
      };
    };
    this.#loops = split.loops.map(({ program, arrays, scalars, results }) => ({
      loop: ElementLoop.of(program),
      arrays: arrays.map(source),
      scalars: scalars.map(source),
      shapes: results.map(({ shape }) => shape),
    }));
    const origins = new Map<DataRecord, Origin>(split.targets.map((record, output) => [record, { output }]));
    split.loops.forEach(({ results }, loop) => {
      results.forEach((record, result) => {
        origins.set(record, { loop, result });
      });
    });
    this.#origins = targets.map((target) => origins.get(target) as Origin);
  }

  /** Runs the loops. @returns one tensor a target of the recording, in their order */
  run(computed: Computed, arrays: RecycledArrays): GraphResult[] {
    const made = this.#loops.map((bound) => {
      const inputs = bound.arrays.map((source) => source(computed));
      const results = bound.shapes.map(() => arrays.take(inputs[0]?.length ?? 0));
      bound.loop.run(
        inputs,
        bound.scalars.map((source) => source(computed)[0] as number),
        results,
      );
      return results.map((data, i) => new OrtTensor("float32", data, bound.shapes[i] as number[]));
    });
    return this.#origins.map((origin) =>
      "output" in origin
        ? { tensor: computed.outputs[origin.output] as OrtTensor, isRecyclable: false }
        : { tensor: made[origin.loop]?.[origin.result] as OrtTensor, isRecyclable: true },
    );
  }
}
