import type { GraphBuilder } from "../onnx/graph-builder.js";
import { Value } from "../onnx/value.js";

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

/**
 * Where nothing else needs the transformed image: tiles of an image, multiplications saved for each value, and the product
 * of both. Below, one image is convolved as fast directly; several would already be faster by tiles.
 */
const fewestTilesAlone = 16;
const leastGainAlone = 32;
const leastWorkAlone = 1024;

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
  if (tiles < Math.max(fewestTilesAlone, gain * fewestTilesByGain)) return false;
  if (gain < leastGainAlone || tiles * gain < leastWorkAlone) return false;
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
  const [rows, columns] = [height / outputs, width / outputs];
  const blocks = g.reshapeName(g.plain(dy), [n, rows, outputs, columns, outputs, filters]);
  const byPlace = g.transposeName(blocks, [2, 4, 0, 1, 3, 5]); // [4, 4, N, rows, columns, O]
  const tiles = n * rows * columns;
  const products = product(g, outputTransformTurned, g.reshapeName(byPlace, [16, tiles * filters]));
  const image = g.transposeName(transformedImage(g, x), [0, 2, 1]); // [36, I, tiles]
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
  const atOnce = x.feedsFilterGradient ? n : Math.max(1, Math.floor(largestPart / perImage));
  const parts = Array.from({ length: Math.ceil(n / atOnce) }, (_, i) => {
    const images = imagesOf(g, x, [i * atOnce, Math.min(n, (i + 1) * atOnce)]);
    const products = g.op("MatMul", [transformedImage(g, images), weights]); // [36, tiles, O]
    return { products, shape: [images.shape[0] as number, height, width, filters] as const };
  });
  const emit = (bias?: string): string => {
    const made = parts.map((part) => outputsOf(g, part, bias));
    return made.length === 1 ? (made[0] as string) : g.op("Concat", made, { axis: 0 });
  };
  const value = new Value(emit(), shape, "float32");
  value.biasless = { layout: "plain", withBias: emit };
  return value;
}

/** Images `from` to `to` of a batch. */
function imagesOf(g: GraphBuilder, x: Value, [from, to]: readonly [number, number]): Value {
  if (from === 0 && to === x.shape[0]) return x;
  const name = g.op("Slice", [g.plain(x), g.int64([from]), g.int64([to]), g.int64([0])]);
  return new Value(name, [to - from, ...x.shape.slice(1)], x.dtype);
}

/** Products [36, tiles, O] → [N, H, W, O], the bias added. */
function outputsOf(
  g: GraphBuilder,
  {
    products,
    shape,
  }: { readonly products: string; readonly shape: readonly [number, number, number, number] },
  bias?: string,
): string {
  const [n, height, width, filters] = shape;
  const [rows, columns] = [height / outputs, width / outputs];
  const tiles = n * rows * columns;
  const addend = bias === undefined ? [] : [repeated(g, bias, [tiles, filters])];
  const flat = g.reshapeName(products, [36, tiles * filters]);
  const blocks = product(g, outputTransform, flat, addend); // [4*4, N*rows*columns*O]
  const apart = g.reshapeName(blocks, [outputs, outputs, n, rows, columns, filters]);
  return g.reshapeName(g.transposeName(apart, [2, 3, 0, 4, 1, 5]), shape);
}

/** [count, C], flat, of a vector of C. */
function repeated(g: GraphBuilder, vector: string, [count, channels]: readonly [number, number]): string {
  const rows = g.expand(g.reshapeName(vector, [1, channels]), [count, channels]);
  return g.reshapeName(rows, [1, count * channels]);
}

/** x [N, H, W, I] → [36, tiles, I] */
function transformedImage(g: GraphBuilder, x: Value): string {
  const [n, height, width, channels] = x.shape as [number, number, number, number];
  const tiles = (n * height * width) / outputs ** 2;
  // What lies outside the images is one more pixel, of zeros.
  const zeros = g.constantOnce(`zeros 1x${channels}`, () => ({
    data: new Float32Array(channels),
    dims: [1, channels],
  }));
  const rows = g.op("Concat", [g.reshapeName(g.plain(x), [n * height * width, channels]), zeros], {
    axis: 0,
  });
  const table = g.constantOnce(`tiles of ${n}x${height}x${width}`, () => ({
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

/** matrix·rows, plus a row if there is one to add to each. */
function product(
  g: GraphBuilder,
  [data, height, width]: readonly [Float32Array, number, number],
  rows: string,
  addend: readonly string[] = [],
): string {
  const matrix = g.constantOnce(`transform ${height}x${width} ${data[1]}`, () => ({
    data,
    dims: [height, width],
  }));
  return g.op("Gemm", [matrix, rows, ...addend], { transA: 0, transB: 0 });
}
