import type { PixelBatch } from "../../autoencoder/index.js";
import { joinArrays } from "../../core/typed-arrays.js";
import { type IndexArray, indexArray } from "../codes.js";
import type { CodeVectors, IndexGrid, Latents } from "./passes.js";

/** A pass as it is asked for. Plain data, which goes to another thread. */
export type PassTask =
  | { readonly kind: "encode" | "forward" | "latents"; readonly pixels: PixelBatch }
  | { readonly kind: "decode"; readonly grid: IndexGrid }
  | { readonly kind: "codeVectors"; readonly codebook: number };

/** What a pass comes to, by its kind: indices, pixels, codes or latents. */
export type PassResult = IndexGrid | PixelBatch | CodeVectors | Latents;

/** Images in one joined pass at most, whatever their size. */
const MOST_JOINED = 16;

/**
 * Pixels in one joined pass at most. Together images of 64×64 take half the time that they take one by one; those of
 * 256×256 and more occupy the processors by themselves, and joined would only need more memory and wait for each other.
 */
const JOINED_PIXELS = 2 ** 16;

/** Images in a pass. */
export function imagesOf(task: PassTask): number {
  if (task.kind === "codeVectors") return 1;
  return task.kind === "decode" ? task.grid.shape[0] : task.pixels.count;
}

/** Passes with one key may be joined; undefined: this one stays alone. */
export function joinKey(task: PassTask): string | undefined {
  if (task.kind === "codeVectors" || task.kind === "latents" || imagesOf(task) !== 1) return undefined;
  const [height, width] = sidesOf(task);
  return `${task.kind} ${height}x${width}`;
}

/**
 * How many of `waiting` passes of one key are joined: a power of two, since each other number of images is another
 * graph that the engine compiles and keeps.
 *
 * @param factor image side ÷ latent-grid side
 */
export function joinedCount(task: PassTask, waiting: number, factor: number): number {
  const [height, width] = sidesOf(task);
  const pixels = height * width * (task.kind === "decode" ? factor ** 2 : 1);
  const most = Math.min(waiting, MOST_JOINED, Math.floor(JOINED_PIXELS / pixels));
  return 2 ** Math.floor(Math.log2(Math.max(1, most)));
}

/** One pass of several that have one key; copies what they hold, so that each can still be computed by itself. */
export function joinTasks(tasks: readonly PassTask[]): PassTask {
  const [first] = tasks;
  if (first === undefined || first.kind === "codeVectors") throw new RangeError("Expected passes of images.");
  if (first.kind === "decode") {
    const grids = tasks.map((task) => (task as typeof first).grid);
    const [, ...rest] = first.grid.shape;
    const indices = joinArrays(
      grids.map((grid) => grid.indices),
      (length) => arrayLike(first.grid.indices, length),
    );
    return { kind: "decode", grid: { indices, shape: [grids.length, ...rest] } };
  }
  const pixels = joinArrays(
    tasks.map((task) => (task as typeof first).pixels.pixels),
    (length) => new Uint8Array(length),
  );
  return { kind: first.kind, pixels: { ...first.pixels, pixels, count: tasks.length } };
}

/** The result of each of `count` joined passes. */
export function splitResult(result: PassResult, count: number): PassResult[] {
  if (count === 1) return [result];
  if ("indices" in result) {
    const [, ...rest] = result.shape;
    return parts(result.indices, count).map((indices) => ({ indices, shape: [1, ...rest] }));
  }
  if ("pixels" in result)
    return parts(result.pixels, count).map((pixels) => ({ ...result, pixels, count: 1 }));
  throw new RangeError("Expected the result of a pass of images.");
}

/** [height, width] of what goes in: of an image, or of a latent grid. */
function sidesOf(task: PassTask): readonly [number, number] {
  if (task.kind === "codeVectors") return [1, 1];
  if (task.kind !== "decode") return [task.pixels.height, task.pixels.width];
  const [, height, width] = task.grid.shape;
  return [height, width];
}

/** Copies, so that one result does not hold the memory of all. */
function parts<T extends IndexArray | Uint8Array>(values: T, count: number): T[] {
  const length = values.length / count;
  return Array.from({ length: count }, (_, i) => values.slice(i * length, (i + 1) * length) as T);
}

function arrayLike(indices: IndexArray, length: number): IndexArray {
  return indexArray(indices instanceof Uint16Array ? 1 : Number.POSITIVE_INFINITY, length);
}
