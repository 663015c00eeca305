import type { GraphBuilder } from "../onnx/graph-builder.js";
import type { Value } from "../onnx/value.js";
import { byParts } from "./image-parts.js";
import { largestPatchMatrix, patches } from "./patches.js";

/** A convolution whose output is blocks of s×s pixels. */
export interface PlacedConvolution {
  /** s: pixels along one side of a block. */
  readonly step: number;
  /** Taps that each place of a block has, rows and columns. */
  readonly taps: readonly [number, number];
  /** [s²·C, taps·I]: for each place of a block, each channel, what the taps of the window weigh. */
  readonly weights: string;
  /** Pixels of the first blocks that lie outside the output. */
  readonly pads: readonly [number, number];
}

/**
 * x [N, H', W', I] → [N, H, W, C], an enlarged image. Pixels at one place of an s×s block are a convolution of x with the
 * filter of that place, over all windows that touch x; all places are one product of patches with s²·C columns, and a
 * Gather lays their rows out as pixels. A Conv on channels, DepthToSpace and Slice do the same and take twice as long,
 * as the latter run in one thread.
 */
export function convolvePlaced(
  g: GraphBuilder,
  x: Value,
  { step, taps, weights, pads }: PlacedConvolution,
  shape: readonly number[],
): string {
  const [, rows, columns, inputs] = x.shape as [number, number, number, number];
  const [, height, width, channels] = shape as [number, number, number, number];
  const grid = [rows + taps[0] - 1, columns + taps[1] - 1] as const;
  const origin = [1 - taps[0], 1 - taps[1]] as const;
  const table = g.constantOnce(`blocks of ${[grid, step, pads, height, width]}`, () => ({
    data: blockTable({ columns: grid[1], step, pads }, [height, width]),
    dims: [height * width],
  }));
  const perImage = grid[0] * grid[1] * Math.max(taps[0] * taps[1] * inputs, step * step * channels);
  return byParts(g, x, largestPatchMatrix / perImage, (images) => {
    const n = images.shape[0] as number;
    const window = { size: grid, kernel: taps, stride: [1, 1], step: [1, 1], origin } as const;
    const product = g.op("Gemm", [patches(g, images, window), weights], { transA: 0, transB: 1 }); // [N*grid, s²*C]
    const pixels = g.reshapeName(product, [n, grid[0] * grid[1] * step * step, channels]);
    return g.reshapeName(g.op("Gather", [pixels, table], { axis: 1 }), [n, height, width, channels]);
  });
}

/** Where each pixel of an image stands among the pixels of all blocks. */
function blockTable(
  blocks: { readonly columns: number; readonly step: number; readonly pads: readonly [number, number] },
  [height, width]: readonly [number, number],
): Int32Array {
  const { columns, step, pads } = blocks;
  const table = new Int32Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [row, column] = [y + pads[0], x + pads[1]];
      const block = Math.floor(row / step) * columns + Math.floor(column / step);
      table[y * width + x] = block * step * step + (row % step) * step + (column % step);
    }
  }
  return table;
}
