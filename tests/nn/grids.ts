import { Random } from "../../src/core/random.js";

/**
 * Layers once more, in double precision and plain loops, written from their definitions and sharing nothing with the
 * code under test.
 */

/** Images, row by row, channels last: [N, H, W, C]. */
export interface Grid {
  readonly shape: readonly [batch: number, height: number, width: number, channels: number];
  readonly values: Float64Array;
}

/** Parameters by name. */
export type Numbers = ReadonlyMap<string, ArrayLike<number>>;

/** A computation of one number of the result: its image, row, column and channel. */
export type Formula = (n: number, y: number, x: number, c: number) => number;

/** A grid whose values a formula gives. */
export function gridOf(shape: Grid["shape"], formula: Formula): Grid {
  const [batch, height, width, channels] = shape;
  const values = new Float64Array(batch * height * width * channels);
  let at = 0;
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++) for (let c = 0; c < channels; c++) values[at++] = formula(n, y, x, c);
  return { shape, values };
}

/** Uniform in -1..1, exact in float32, so that both precisions see one input. */
export function randomGrid(shape: Grid["shape"], seed: number): Grid {
  const random = new Random(seed, "grid");
  return gridOf(shape, () => Math.fround(random.uniform(-1, 1)));
}

/** The value at a place, or `outside` beyond the edges. */
export function at({ shape: [, height, width, channels], values }: Grid, outside = 0): Formula {
  return (n, y, x, c) =>
    y < 0 || y >= height || x < 0 || x >= width
      ? outside
      : (values[((n * height + y) * width + x) * channels + c] as number);
}

export function numbers(weights: Numbers, name: string): ArrayLike<number> {
  const values = weights.get(name);
  if (values === undefined) throw new Error(`reference: no weight ${name}`);
  return values;
}

/** Each number by itself. */
export function map(grid: Grid, formula: (value: number, channel: number) => number): Grid {
  const [, , , channels] = grid.shape;
  return { ...grid, values: grid.values.map((value, i) => formula(value, i % channels)) };
}

export function sum(a: Grid, b: Grid): Grid {
  if (a.shape.join() !== b.shape.join()) throw new Error(`reference: ${a.shape} + ${b.shape}`);
  return { ...a, values: a.values.map((value, i) => value + (b.values[i] as number)) };
}

export interface Windowing {
  readonly kernel: readonly [number, number];
  readonly stride?: readonly [number, number];
  /** Top, bottom, left, right. */
  readonly padding?: readonly [number, number, number, number];
}

/** The sides after windows, and where each begins. */
export function windowing(
  { shape: [, height, width] }: Grid,
  {
    kernel: [kh, kw],
    stride: [sy, sx] = [1, 1],
    padding: [top, bottom, left, right] = [0, 0, 0, 0],
  }: Windowing,
) {
  let [rows, columns] = [0, 0];
  while (rows * sy + kh <= height + top + bottom) rows++;
  while (columns * sx + kw <= width + left + right) columns++;
  return { rows, columns, begin: (y: number, x: number) => [y * sy - top, x * sx - left] as const };
}

/** `NAME/kernel` [rows, columns, I, O] and, where there is one, `NAME/bias`. */
export function convolve(
  input: Grid,
  weights: Numbers,
  { name, outputs, ...windows }: Windowing & { readonly name: string; readonly outputs: number },
): Grid {
  const kernel = numbers(weights, `${name}/kernel`);
  const bias = weights.get(`${name}/bias`);
  const [batch, , , inputs] = input.shape;
  const [kh, kw] = windows.kernel;
  const { rows, columns, begin } = windowing(input, windows);
  const pixel = at(input);
  return gridOf([batch, rows, columns, outputs], (n, y, x, o) => {
    const [fromY, fromX] = begin(y, x);
    let total = bias?.[o] ?? 0;
    for (let ky = 0; ky < kh; ky++)
      for (let kx = 0; kx < kw; kx++)
        for (let i = 0; i < inputs; i++) {
          const weight = kernel[((ky * kw + kx) * inputs + i) * outputs + o] as number;
          total += weight * pixel(n, fromY + ky, fromX + kx, i);
        }
    return total;
  });
}

export function enlarge(input: Grid, factor: number): Grid {
  const [batch, height, width, channels] = input.shape;
  const pixel = at(input);
  return gridOf([batch, factor * height, factor * width, channels], (n, y, x, c) =>
    pixel(n, Math.floor(y / factor), Math.floor(x / factor), c),
  );
}

/** `NAME/scale` and `NAME/offset`; statistics over each image's group of neighbouring channels. */
export function normalizeGroups(
  input: Grid,
  weights: Numbers,
  { name, groups, epsilon }: { readonly name: string; readonly groups: number; readonly epsilon: number },
): Grid {
  const [batch, height, width, channels] = input.shape;
  const size = channels / groups;
  const pixel = at(input);
  const statistics = (n: number, group: number) => {
    const members: number[] = [];
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let c = group * size; c < (group + 1) * size; c++) members.push(pixel(n, y, x, c));
    const mean = members.reduce((a, b) => a + b) / members.length;
    return { mean, variance: members.reduce((a, b) => a + (b - mean) ** 2, 0) / members.length };
  };
  const all = Array.from({ length: batch * groups }, (_, i) =>
    statistics(Math.floor(i / groups), i % groups),
  );
  const [scale, offset] = [numbers(weights, `${name}/scale`), numbers(weights, `${name}/offset`)];
  return gridOf(input.shape, (n, y, x, c) => {
    const { mean, variance } = all[n * groups + Math.floor(c / size)] as ReturnType<typeof statistics>;
    const normal = (pixel(n, y, x, c) - mean) / Math.sqrt(variance + epsilon);
    return normal * (scale[c] as number) + (offset[c] as number);
  });
}

/** `NAME/kernel` [rows, columns, C, M] and, where there is one, `NAME/bias` [C*M]; each channel by itself. */
export function convolveDepthwise(
  input: Grid,
  weights: Numbers,
  { name, multiplier, ...windows }: Windowing & { readonly name: string; readonly multiplier: number },
): Grid {
  const kernel = numbers(weights, `${name}/kernel`);
  const bias = weights.get(`${name}/bias`);
  const [batch, , , channels] = input.shape;
  const [kh, kw] = windows.kernel;
  const { rows, columns, begin } = windowing(input, windows);
  const pixel = at(input);
  return gridOf([batch, rows, columns, channels * multiplier], (n, y, x, output) => {
    const [fromY, fromX] = begin(y, x);
    const [c, m] = [Math.floor(output / multiplier), output % multiplier];
    let total = bias?.[output] ?? 0;
    for (let ky = 0; ky < kh; ky++)
      for (let kx = 0; kx < kw; kx++) {
        const weight = kernel[((ky * kw + kx) * channels + c) * multiplier + m] as number;
        total += weight * pixel(n, fromY + ky, fromX + kx, c);
      }
    return total;
  });
}

/** The numbers of each window that lie inside the image, as one. */
export function poolWindows(
  input: Grid,
  windows: Windowing,
  combine: (values: readonly number[]) => number,
): Grid {
  const [batch, , , channels] = input.shape;
  const [kh, kw] = windows.kernel;
  const { rows, columns, begin } = windowing(input, windows);
  const pixel = at(input, Number.NaN);
  return gridOf([batch, rows, columns, channels], (n, y, x, c) => {
    const [fromY, fromX] = begin(y, x);
    const values = Array.from({ length: kh * kw }, (_, i) =>
      pixel(n, fromY + Math.floor(i / kw), fromX + (i % kw), c),
    );
    return combine(values.filter((value) => !Number.isNaN(value)));
  });
}

/** `NAME/scale` and `NAME/offset`; by `NAME/mean` and `NAME/variance`, or the batch's own where `own`. */
export function normalizeBatch(
  input: Grid,
  weights: Numbers,
  { name, epsilon, own = false }: { readonly name: string; readonly epsilon: number; readonly own?: boolean },
): Grid {
  const part = (which: string) => numbers(weights, `${name}/${which}`);
  const [means, variances] = own ? channelStatistics(input) : [part("mean"), part("variance")];
  const [scale, offset] = [part("scale"), part("offset")];
  return map(input, (value, c) => {
    const normal = (value - (means[c] as number)) / Math.sqrt((variances[c] as number) + epsilon);
    return normal * (scale[c] as number) + (offset[c] as number);
  });
}

/** Mean and biased variance of each channel, over all images and positions. */
export function channelStatistics({ shape: [, , , channels], values }: Grid): [number[], number[]] {
  const ofChannel = (c: number) => [...values].filter((_, i) => i % channels === c);
  const mean = (all: readonly number[]) => all.reduce((a, b) => a + b) / all.length;
  const means = Array.from({ length: channels }, (_, c) => mean(ofChannel(c)));
  return [means, means.map((own, c) => mean(ofChannel(c).map((value) => (value - own) ** 2)))];
}

/** softmax over the keys of query·key/√C, times the values, all rows of one image at a time; and a last projection. */
export function attendEverywhere(input: Grid, weights: Numbers, { name }: { readonly name: string }): Grid {
  const [batch, height, width, channels] = input.shape;
  const project = (grid: Grid, part: string) =>
    convolve(grid, weights, { name: `${name}/${part}`, kernel: [1, 1], outputs: channels });
  const [q, k, v] = ["query", "key", "value"].map((part) => project(input, part).values) as Float64Array[];
  const positions = height * width;
  const mixed = new Float64Array(input.values.length);
  const read = (values: Float64Array | undefined, n: number, position: number, c: number) =>
    (values as Float64Array)[(n * positions + position) * channels + c] as number;
  for (let n = 0; n < batch; n++)
    for (let row = 0; row < positions; row++) {
      const scores = Array.from({ length: positions }, (_, other) => {
        let score = 0;
        for (let c = 0; c < channels; c++) score += read(q, n, row, c) * read(k, n, other, c);
        return Math.exp(score / Math.sqrt(channels));
      });
      const total = scores.reduce((a, b) => a + b);
      for (let c = 0; c < channels; c++)
        mixed[(n * positions + row) * channels + c] =
          scores.reduce((a, score, other) => a + score * read(v, n, other, c), 0) / total;
    }
  return project({ ...input, values: mixed }, "out");
}

/** Two grids number by number. */
export function zip(a: Grid, b: Grid, formula: (a: number, b: number) => number): Grid {
  if (a.shape.join() !== b.shape.join()) throw new Error(`reference: ${a.shape} and ${b.shape}`);
  return { ...a, values: a.values.map((value, i) => formula(value, b.values[i] as number)) };
}

/** A group norm, times `NAME/factor` of the codes and plus `NAME/shift` of them, each repeated to the image's size. */
export function normalizeSpatially(
  input: Grid,
  weights: Numbers,
  {
    name,
    codes,
    ...options
  }: { readonly name: string; readonly groups: number; readonly epsilon: number; readonly codes: Grid },
): Grid {
  const [, height, , channels] = input.shape;
  const normal = normalizeGroups(input, weights, { name, ...options });
  const repeated = enlarge(codes, height / codes.shape[1]);
  const modulation = (part: string) =>
    convolve(repeated, weights, { name: `${name}/${part}`, kernel: [1, 1], outputs: channels });
  return sum(
    zip(normal, modulation("factor"), (a, b) => a * b),
    modulation("shift"),
  );
}

/** A group norm without weights, times `NAME/factor` of the codes' deviations, plus `NAME/shift` of their means. */
export function normalizeByStatistics(
  input: Grid,
  weights: Numbers,
  {
    name,
    codes,
    ...options
  }: { readonly name: string; readonly groups: number; readonly epsilon: number; readonly codes: Grid },
): Grid {
  const [batch, , , channels] = input.shape;
  const [, height, width, codeDim] = codes.shape;
  const unit = new Map([
    [`${name}/scale`, new Float64Array(channels).fill(1)],
    [`${name}/offset`, new Float64Array(channels)],
  ]);
  const normal = normalizeGroups(input, unit, { name, ...options });
  const pixel = at(codes);
  const own = (n: number, d: number) => {
    const all: number[] = [];
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) all.push(pixel(n, y, x, d));
    const mean = all.reduce((a, b) => a + b) / all.length;
    const squares = all.reduce((a, b) => a + (b - mean) ** 2, 0);
    return { mean, deviation: Math.sqrt(squares / Math.max(1, all.length - 1) + options.epsilon) };
  };
  const linear = (part: string, which: "mean" | "deviation") =>
    convolve(
      gridOf([batch, 1, 1, codeDim], (n, _y, _x, d) => own(n, d)[which]),
      weights,
      { name: `${name}/${part}`, kernel: [1, 1], outputs: channels },
    );
  const [factor, shift] = [at(linear("factor", "deviation")), at(linear("shift", "mean"))];
  const value = at(normal);
  return gridOf(input.shape, (n, y, x, c) => value(n, y, x, c) * factor(n, 0, 0, c) + shift(n, 0, 0, c));
}

/** Bands of 2×2 pixels in turn: the mean, and the differences between rows, between columns, and across both. */
export function haar(input: Grid): Grid {
  const [batch, height, width, channels] = input.shape;
  const pixel = at(input);
  return gridOf([batch, height / 2, width / 2, 4 * channels], (n, y, x, each) => {
    const [band, c] = [Math.floor(each / channels), each % channels];
    let total = 0;
    for (const row of [0, 1])
      for (const column of [0, 1]) {
        const sign = (band & 1 && row ? -1 : 1) * (band & 2 && column ? -1 : 1);
        total += sign * pixel(n, 2 * y + row, 2 * x + column, c);
      }
    return total / 4;
  });
}

/** The grid that `haar` makes that one of. */
export function inverseHaar(input: Grid): Grid {
  const [batch, height, width, all] = input.shape;
  const channels = all / 4;
  const value = at(input);
  return gridOf([batch, 2 * height, 2 * width, channels], (n, y, x, c) => {
    let total = 0;
    for (let band = 0; band < 4; band++) {
      const sign = (band & 1 && y % 2 ? -1 : 1) * (band & 2 && x % 2 ? -1 : 1);
      total += sign * value(n, y >> 1, x >> 1, band * channels + c);
    }
    return total;
  });
}
