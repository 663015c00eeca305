import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";
import { byParts } from "./image-parts.js";

/**
 * 3×3 convolutions (stride 1, zero padding 1) by minimal filtering, F(4×4, 3×3) of Lavin and Gray 2016,
 * https://arxiv.org/abs/1509.09308: of each 6×6 tile of the image and of the filter, 36 values are made such that
 * their products give the 4×4 outputs. That is 36 multiplications in place of 144, as 36 matrix products over tiles
 * and channels. The transformed image serves the forward pass and the filter's gradient, so it pays soonest where both
 * are computed.
 *
 * The price is rounding. The points at which the underlying polynomials are evaluated decide it (Barabasz et al. 2020,
 * https://arxiv.org/abs/1803.10986): with 0, ±2/3, ±4/3 and ∞ the error is 1e-6 of the outputs' size, four times that
 * of a direct convolution, where the usual 0, ±1, ±2 and ∞ have twice as much and rare outliers of six times as much.
 */
const points = [0, 2 / 3, -2 / 3, 4 / 3, -4 / 3] as const;

/** Outputs along one side of a tile, and pixels that they depend on. */
const outputs = 4;
const pixels = 6;

/** Of each of these: rows by columns, one axis of the image. y = outputOf·((filterOf·w) ⊙ (imageOf·x)). */
const { imageOf, filterOf, outputOf } = (() => {
  const image: number[][] = [];
  const filter: number[][] = [];
  for (const [i, point] of points.entries()) {
    const others = points.filter((_, j) => j !== i);
    const scale = others.reduce((product, other) => product * (point - other), 1);
    image.push([...polynomialWithRoots(others), 0]);
    filter.push([1, point, point * point].map((power) => power / scale));
  }
  image.push(polynomialWithRoots(points));
  filter.push([0, 0, 1]);
  const output = Array.from({ length: outputs }, (_, row) => [
    ...points.map((point) => point ** row),
    row === outputs - 1 ? 1 : 0,
  ]);
  return { imageOf: image, filterOf: filter, outputOf: output };
})();

/** Coefficients, lowest first, of ∏ (x − root). */
function polynomialWithRoots(roots: readonly number[]): number[] {
  let polynomial = [1];
  for (const root of roots) {
    const raised = [0, ...polynomial];
    polynomial = raised.map((value, i) => value - root * (polynomial[i] ?? 0));
  }
  return polynomial;
}

/** The transformation of both axes at once: [rows², columns²], turned if asked. */
function ofBothAxes(matrix: readonly (readonly number[])[], turned = false): [Float32Array, number, number] {
  const rows = matrix.length;
  const columns = (matrix[0] as readonly number[]).length;
  const at = (i: number, j: number): number => (matrix[i] as readonly number[])[j] as number;
  const size = [rows * rows, columns * columns] as const;
  const values = new Float32Array(size[0] * size[1]);
  for (let i = 0; i < size[0]; i++) {
    for (let j = 0; j < size[1]; j++) {
      const value = at(Math.floor(i / rows), Math.floor(j / columns)) * at(i % rows, j % columns);
      values[turned ? j * size[0] + i : i * size[1] + j] = value;
    }
  }
  return turned ? [values, size[1], size[0]] : [values, size[0], size[1]];
}

const imageTransform = ofBothAxes(imageOf); // [36, 36]
const filterTransform = ofBothAxes(filterOf); // [36, 9]
const filterTransformTurned = ofBothAxes(filterOf, true); // [9, 36]
const outputTransform = ofBothAxes(outputOf); // [16, 36]
const outputTransformTurned = ofBothAxes(outputOf, true); // [36, 16]

/** Transformed tensors hold at most this many elements (256 MiB of float32). */
const largestTransformed = 2 ** 26;

/**
 * A transformed image of more elements (32 MiB) is not kept from the forward pass for the filter's gradient, but made again:
 * it takes 2.25 times the memory of the image itself, which is kept anyhow.
 */
const largestKept = 2 ** 23;

/** Below this many multiplications saved for each value transformed, a direct convolution is as fast. */
const leastGain = 16;

/**
 * Whether the tiled algorithm is the faster one for a 3×3 convolution of x [N, H, W, I] to O channels: when tiles fit
 * the image, there are many channels and the transformed tensors are not huge.
 */
export function suitsTiles(shape: readonly number[], inputs: number, filters: number): boolean {
  const [n, height, width] = shape as [number, number, number];
  if (height % outputs !== 0 || width % outputs !== 0) return false;
  const transformed = ((n * height * width) / outputs ** 2) * pixels ** 2 * Math.max(inputs, filters);
  return (inputs * filters) / (inputs + filters) >= leastGain && transformed <= largestTransformed;
}

/** Where nothing else needs the transformed image, a direct convolution of fewer than 128 channels is as fast. */
const leastGainAlone = 64;

/** The transformed filter is four times the filter's size, and is read for every image: it takes so many tiles by gain. */
const fewestTilesByGain = 1 / 4;

/**
 * There the transformed image holds at most 2^25 elements (128 MiB), and images are transformed by as many at a time as keep
 * within 2^22.
 */
const largestTransformedAlone = 2 ** 25;
const largestPart = 2 ** 22;

/**
 * The same where the filter's gradient is not computed. It depends on the size of one image and not on their number: an
 * image's values must not depend on which others share its batch.
 */
export function suitsTilesAlone(shape: readonly number[], inputs: number, filters: number): boolean {
  const [, height, width] = shape as [number, number, number];
  const tiles = (height * width) / outputs ** 2;
  const gain = (inputs * filters) / (inputs + filters);
  if (gain < leastGainAlone || tiles < gain * fewestTilesByGain) return false;
  const transformed = tiles * pixels ** 2 * Math.max(inputs, filters);
  return transformed <= largestTransformedAlone && suitsTiles([1, height, width], inputs, filters);
}

/** Forward: x [N, H, W, I], filter [3, 3, I, O] → [N, H, W, O]. */
export function convolveTiled(
  g: GraphBuilder,
  [x, filter]: readonly [Value, Value],
  shape: readonly number[],
): Value {
  return convolveBy(g, x, g.plain(filter), shape);
}

/** The gradient to the input, which is the convolution of dy [N, H, W, O] with the filter turned by 180°: [N, H, W, I]. */
export function inputGradientTiled(
  g: GraphBuilder,
  [dy, filter]: readonly [Value, Value],
  shape: readonly number[],
): Value {
  const [inputs, filters] = filter.shape.slice(2) as [number, number];
  const rows = g.reshapeName(g.plain(filter), [9, inputs, filters]);
  const reversed = g.op("Gather", [rows, g.int64([8, 7, 6, 5, 4, 3, 2, 1, 0])], { axis: 0 });
  return convolveBy(g, dy, g.transposeName(reversed, [0, 2, 1]), shape);
}

/** The gradient to the filter: x [N, H, W, I], dy [N, H, W, O] → [3, 3, I, O]. */
export function filterGradientTiled(
  g: GraphBuilder,
  [x, dy]: readonly [Value, Value],
  shape: readonly number[],
): Value {
  const [inputs, filters] = shape.slice(2) as [number, number];
  const [n, height, width] = dy.shape as [number, number, number];
  const tiles = (n * height * width) / outputs ** 2;
  const byPlace = g.op(
    "Gather",
    [g.reshapeName(g.plain(dy), [n * height * width, filters]), placed(g, dy.shape)],
    {
      axis: 0,
    },
  ); // [4*4*N*rows*columns, O]
  const products = product(g, outputTransformTurned, g.reshapeName(byPlace, [16, tiles * filters]));
  const isKept = tiles * pixels ** 2 * inputs <= largestKept;
  const image = g.transposeName(transformedImage(g, x, isKept ? "" : " again"), [0, 2, 1]); // [36, I, tiles]
  const sums = g.op("MatMul", [image, g.reshapeName(products, [36, tiles, filters])]); // [36, I, O]
  const taps = product(g, filterTransformTurned, g.reshapeName(sums, [36, inputs * filters]));
  return new Value(g.reshapeName(taps, shape), shape, "float32");
}

/** x [N, H, W, I] by the taps [9, I, O] of a filter, in any shape: [N, H, W, O]. */
function convolveBy(g: GraphBuilder, x: Value, taps: string, shape: readonly number[]): Value {
  const inputs = x.shape[3] as number;
  const [n, height, width, filters] = shape as [number, number, number, number];
  const rowsOfTaps = g.reshapeName(taps, [9, inputs * filters]);
  const weights = g.reshapeName(product(g, filterTransform, rowsOfTaps), [36, inputs, filters]);
  const perImage = ((height * width) / outputs ** 2) * pixels ** 2 * Math.max(inputs, filters);
  const name = byParts(g, x, x.feedsFilterGradient ? n : largestPart / perImage, (images) => {
    const products = g.op("MatMul", [transformedImage(g, images), weights]); // [36, tiles, O]
    return outputsOf(g, products, [images.shape[0] as number, height, width, filters]);
  });
  return new Value(name, shape, "float32");
}

/**
 * Products [36, tiles, O] → [N, H, W, O]. Pixels are put in order by a Gather, which several threads share as a Transpose
 * does not. A bias is added after it: inside this Gemm it would be written once for every pixel first.
 */
function outputsOf(
  g: GraphBuilder,
  products: string,
  shape: readonly [number, number, number, number],
): string {
  const [n, height, width, filters] = shape;
  const pixelsOfAll = n * height * width;
  const flat = g.reshapeName(products, [36, (pixelsOfAll / outputs ** 2) * filters]);
  const blocks = g.reshapeName(product(g, outputTransform, flat), [pixelsOfAll, filters]); // by place
  const table = g.constantOnce(`pixels of ${n}x${height}x${width}`, () => ({
    data: invert(placeTable(n, height, width)),
    dims: [pixelsOfAll],
  }));
  return g.reshapeName(g.op("Gather", [blocks, table], { axis: 0 }), shape);
}

/** The name of the table that `placeTable` makes. */
function placed(g: GraphBuilder, shape: readonly number[]): string {
  const [n, height, width] = shape as [number, number, number];
  return g.constantOnce(`places of ${n}x${height}x${width}`, () => ({
    data: placeTable(n, height, width),
    dims: [n * height * width],
  }));
}

/** Which pixel stands where when the first pixels of all tiles come first, then the second ones, to the sixteenth. */
function placeTable(n: number, height: number, width: number): Int32Array {
  const table = new Int32Array(n * height * width);
  let at = 0;
  for (let ky = 0; ky < outputs; ky++)
    for (let kx = 0; kx < outputs; kx++)
      for (let image = 0; image < n; image++)
        for (let y = ky; y < height; y += outputs)
          for (let x = kx; x < width; x += outputs) table[at++] = (image * height + y) * width + x;
  return table;
}

function invert(permutation: Int32Array): Int32Array {
  const inverse = new Int32Array(permutation.length);
  for (const [i, value] of permutation.entries()) inverse[value] = i;
  return inverse;
}

/**
 * x [N, H, W, I] → [36, tiles, I]
 *
 * @param time tells one transformation of an image from another: of two whose operands are the same, ONNX Runtime would keep
 * the first
 */
function transformedImage(g: GraphBuilder, x: Value, time = ""): string {
  const [n, height, width, channels] = x.shape as [number, number, number, number];
  const tiles = (n * height * width) / outputs ** 2;
  // What lies outside the images is one more pixel, of zeros.
  const zeros = g.constantOnce(`zeros 1x${channels}${time}`, () => ({
    data: new Float32Array(channels),
    dims: [1, channels],
  }));
  const rows = g.op("Concat", [g.reshapeName(g.plain(x), [n * height * width, channels]), zeros], {
    axis: 0,
  });
  const table = g.constantOnce(`tiles of ${n}x${height}x${width}${time}`, () => ({
    data: tileTable(n, height, width),
    dims: [36 * tiles],
  }));
  const gathered = g.op("Gather", [rows, table], { axis: 0 }); // [36*tiles, I]
  const transformed = product(g, imageTransform, g.reshapeName(gathered, [36, tiles * channels]));
  return g.reshapeName(transformed, [36, tiles, channels]);
}

/** Which pixel stands at each place of each tile, places first; the number after the last one is outside. */
function tileTable(n: number, height: number, width: number): Int32Array {
  const table = new Int32Array(((n * height * width) / outputs ** 2) * pixels ** 2);
  let at = 0;
  for (let ky = -1; ky < pixels - 1; ky++)
    for (let kx = -1; kx < pixels - 1; kx++)
      for (let image = 0; image < n; image++)
        for (let y = ky; y < height + ky; y += outputs)
          for (let x = kx; x < width + kx; x += outputs) {
            const isInside = y >= 0 && y < height && x >= 0 && x < width;
            table[at++] = isInside ? (image * height + y) * width + x : n * height * width;
          }
  return table;
}

/** matrix·rows */
function product(
  g: GraphBuilder,
  [data, height, width]: readonly [Float32Array, number, number],
  rows: string,
): string {
  const matrix = g.constantOnce(`transform ${height}x${width} ${data[1]}`, () => ({
    data,
    dims: [height, width],
  }));
  return g.op("Gemm", [matrix, rows], { transA: 0, transB: 0 });
}
