import { type ElementProgram, simdModule } from "./simd-module.js";

/** What is used of the global of that name, which TypeScript knows with the DOM only. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array<ArrayBuffer>) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
};

/** Elements that are computed at once: of eight arrays they fit a processor's second cache. */
const blockLength = 8192;
const blockBytes = 4 * blockLength;
/** Where arrays begin; scalars stand before them. */
const arraysAt = 1024;
const mostScalars = arraysAt / 4;
/** Arrays and results that one loop may have. */
const mostArrays = 24;

const pageBytes = 65_536;

/** All loops copy their blocks through the same memory: they run one after another. */
let shared: { readonly buffer: ArrayBuffer } | undefined;

function memory(): { readonly buffer: ArrayBuffer } {
  shared ??= new WebAssembly.Memory({ initial: Math.ceil((arraysAt + mostArrays * blockBytes) / pageBytes) });
  return shared;
}

/** Whether a loop of that many arrays, scalars and results can be made. */
export function fitsLoop({ arrays, scalars, results }: ElementProgram): boolean {
  return arrays + results.length <= mostArrays && scalars <= mostScalars;
}

/**
 * One pass over float32 arrays in WebAssembly, in the calling thread: whatever the program computes of an element is
 * computed while it is in registers. ONNX Runtime computes such formulas operator by operator, each of which reads and
 * writes whole arrays.
 */
export class ElementLoop {
  static readonly #known = new Map<string, ElementLoop>();
  readonly #run: (bytes: number) => void;
  readonly #scalars: Float32Array;
  readonly #blocks: readonly Float32Array[];

  private constructor(program: ElementProgram) {
    const env = { memory: memory() };
    const blockAt = (index: number): number => arraysAt + index * blockBytes;
    const bytes = simdModule(program, {
      arrayAt: blockAt,
      resultAt: (result) => blockAt(program.arrays + result),
    });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env });
    this.#run = (exports as { readonly run: (bytes: number) => void }).run;
    this.#scalars = new Float32Array(env.memory.buffer, 0, program.scalars);
    this.#blocks = Array.from(
      { length: program.arrays + program.results.length },
      (_, i) => new Float32Array(env.memory.buffer, blockAt(i), blockLength),
    );
  }

  /** The loop of a program, which must fit; of equal programs there is one. */
  static of(program: ElementProgram): ElementLoop {
    const key = JSON.stringify(program);
    const known = ElementLoop.#known.get(key) ?? new ElementLoop(program);
    ElementLoop.#known.set(key, known);
    return known;
  }

  /**
   * Computes all elements.
   *
   * @param arrays all of the results' length
   * @param results written; each may be one of the arrays, but no part of another
   */
  run(arrays: readonly Float32Array[], scalars: readonly number[], results: readonly Float32Array[]): void {
    const length = results[0]?.length ?? 0;
    this.#scalars.set(scalars);
    for (let from = 0; from < length; from += blockLength) {
      const count = Math.min(blockLength, length - from);
      arrays.forEach((array, i) => {
        this.#blocks[i]?.set(length === count ? array : array.subarray(from, from + count));
      });
      this.#run(4 * count);
      results.forEach((result, i) => {
        const block = this.#blocks[arrays.length + i] as Float32Array;
        result.set(count === blockLength ? block : block.subarray(0, count), from);
      });
    }
  }
}
