import { beforeAll, describe, expect, it } from "vitest";
import { convolve } from "../../../src/backend/kernels/convolution.js";
import { suitsTiles, suitsTilesAlone } from "../../../src/backend/kernels/tiled-convolution.js";
import { GraphBuilder } from "../../../src/backend/onnx/graph-builder.js";
import { Random } from "../../../src/core/random.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

const [n, height, width, inputs, filters] = [2, 8, 12, 96, 80] as const;
const imageShape: [number, number, number, number] = [n, height, width, inputs];
const filterShape: [number, number, number, number] = [3, 3, inputs, filters];
const outputShape: [number, number, number, number] = [n, height, width, filters];

function draw(shape: readonly number[], label: string): Float32Array {
  return new Random(3, label).fill(tf.util.sizeFromShape([...shape]), (random) => random.normal());
}

/** Calls `visit` for each (output position, tap) that meets the image: offsets of x, of y, and of the tap. */
function eachTap(visit: (pixel: number, position: number, tap: number) => void): void {
  for (let image = 0; image < n; image++)
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        for (let tap = 0; tap < 9; tap++) {
          const [row, column] = [y + Math.floor(tap / 3) - 1, x + (tap % 3) - 1];
          if (row < 0 || row >= height || column < 0 || column >= width) continue;
          visit((image * height + row) * width + column, (image * height + y) * width + x, tap);
        }
}

/** The convolution and its two gradients by their definition, in double precision. */
function expected(x: Float32Array, w: Float32Array, dy: Float32Array) {
  const y = new Float64Array(n * height * width * filters);
  const dx = new Float64Array(x.length);
  const dw = new Float64Array(w.length);
  eachTap((pixel, position, tap) => {
    for (let i = 0; i < inputs; i++) {
      const value = x[pixel * inputs + i] as number;
      const row = (tap * inputs + i) * filters;
      let slope = 0;
      for (let o = 0; o < filters; o++) {
        const weight = w[row + o] as number;
        const gradient = dy[position * filters + o] as number;
        y[position * filters + o] = (y[position * filters + o] as number) + value * weight;
        dw[row + o] = (dw[row + o] as number) + value * gradient;
        slope += weight * gradient;
      }
      dx[pixel * inputs + i] = (dx[pixel * inputs + i] as number) + slope;
    }
  });
  return { y, dx, dw };
}

/** Root mean square of the difference over that of the expected values. */
function relativeError(got: ArrayLike<number>, wanted: Float64Array): number {
  let [difference, size] = [0, 0];
  wanted.forEach((value, i) => {
    difference += ((got[i] as number) - value) ** 2;
    size += value ** 2;
  });
  return Math.sqrt(difference / size);
}

describe("3×3 convolutions by tiles", () => {
  it("are taken for many channels, when tiles fit the image and not too much memory", () => {
    expect(suitsTiles(imageShape, inputs, filters)).toBe(true);
    expect(suitsTiles([32, 16, 16, 128], 128, 128)).toBe(true);
    expect(suitsTiles([32, 16, 16, 32], 32, 32)).toBe(true);
    expect(suitsTiles([32, 16, 16, 16], 16, 16)).toBe(false);
    expect(suitsTiles([32, 64, 64, 128], 128, 3)).toBe(false);
    expect(suitsTiles([2, 10, 12, 96], 96, 80)).toBe(false);
    expect(suitsTiles([64, 256, 256, 128], 128, 128)).toBe(false);
  });

  it("give the values and gradients of the definition, with bias and activation, within 3e-6 of their size", async () => {
    const [x, w, dy] = [draw(imageShape, "x"), draw(filterShape, "w"), draw(outputShape, "dy")];
    const bias = draw([filters], "bias");
    const direct = expected(x, w, dy);
    const made = tf.tidy(() => {
      const image = tf.tensor4d(x, imageShape);
      const filter = tf.tensor4d(w, filterShape);
      const y = tf.conv2d(image, filter, 1, "same");
      const biased = tf.relu(tf.add(tf.conv2d(image, filter, 1, "same"), tf.tensor1d(bias)));
      const gradients = tf.grads((a: tf.Tensor, b: tf.Tensor) =>
        tf.conv2d(a as tf.Tensor4D, b as tf.Tensor4D, 1, "same"),
      )([image, filter], tf.tensor4d(dy, outputShape));
      return { y, biased, dx: gradients[0] as tf.Tensor, dw: gradients[1] as tf.Tensor };
    });
    expect(relativeError(await made.y.data(), direct.y)).toBeLessThan(3e-6);
    expect(relativeError(await made.dx.data(), direct.dx)).toBeLessThan(3e-6);
    expect(relativeError(await made.dw.data(), direct.dw)).toBeLessThan(3e-6);
    const activated = direct.y.map((value, i) => Math.max(0, value + (bias[i % filters] as number)));
    expect(relativeError(await made.biased.data(), activated)).toBeLessThan(3e-6);
    tf.dispose(made);
  });

  it("are taken for larger grids and more channels where no filter learns, however many images there are", () => {
    expect(suitsTilesAlone([1, 32, 32, 128], 128, 128)).toBe(true);
    expect(suitsTilesAlone([500, 32, 32, 128], 128, 128)).toBe(true);
    expect(suitsTilesAlone([1, 64, 64, 64], 64, 128)).toBe(false);
    expect(suitsTilesAlone([1, 16, 16, 128], 128, 128)).toBe(true); // 16 tiles
    expect(suitsTilesAlone([1, 12, 20, 128], 128, 512)).toBe(false); // 15 tiles
    expect(suitsTilesAlone([1, 16, 16, 256], 256, 256)).toBe(false);
    expect(suitsTilesAlone([1, 32, 32, 512], 512, 512)).toBe(true);
    expect(suitsTilesAlone([1, 34, 32, 128], 128, 128)).toBe(false);
    expect(suitsTilesAlone([1, 256, 256, 128], 128, 128)).toBe(true);
    expect(suitsTilesAlone([1, 384, 384, 128], 128, 128)).toBe(false); // 2^25 numbers and more
  });

  it.each([true, false])("are left to the processor where no filter learns: on it %s", (onCpu) => {
    const g = new GraphBuilder({ onCpu });
    const shape = [1, 32, 32, 128];
    const image = g.input("image", shape, "float32");
    const filter = g.input("filter", [3, 3, 128, 128], "float32");
    const one = [1, 1] as const;
    const geometry = { kernel: [3, 3], stride: one, dilation: one, pads: [1, 1, 1, 1] } as const;
    g.output(convolve(g, [image, filter], geometry, { shape, dtype: "float32" }));
    expect(Buffer.from(g.encode()).includes("Conv")).toBe(!onCpu);
  });

  it("give an image the same bits alone and among more than are transformed at a time, near the definition's", async () => {
    const [count, side, channels] = [15, 32, 128] as const; // 14 images have 2^22 transformed numbers, but for a few
    const drawn: [number, number, number, number] = [3, side, side, channels];
    const x = tf.tidy(() => tf.tile(tf.tensor4d(draw(drawn, "images"), drawn), [count / 3, 1, 1, 1]));
    const w = tf.tensor4d(draw([3, 3, channels, channels], "wide"), [3, 3, channels, channels]);
    const bias = tf.tensor1d(draw([channels], "wide bias"));
    const made = (image: tf.Tensor4D) => tf.tidy(() => tf.add(tf.conv2d(image, w, 1, "same"), bias));
    const all = made(x);
    const last = tf.tidy(() => made(tf.slice(x, [count - 1, 0, 0, 0]) as tf.Tensor4D));
    const lastOf = (t: tf.Tensor) => tf.tidy(() => tf.slice(t, [count - 1, 0, 0, 0]));
    const [imageOfLast, valuesOfLast] = [lastOf(x), lastOf(all)];
    const [image, values, own] = [await imageOfLast.data(), await valuesOfLast.data(), await last.data()];
    const [filter, shift] = [await w.data(), await bias.data()];
    expect(own).toEqual(values);
    const wanted: number[] = [];
    const got: number[] = [];
    for (let position = 0; position < side * side; position += 31) {
      const [y, column] = [Math.floor(position / side), position % side];
      for (let o = 0; o < channels; o += 7) {
        let sum = shift[o] as number;
        for (let tap = 0; tap < 9; tap++) {
          const [row, at] = [y + Math.floor(tap / 3) - 1, column + (tap % 3) - 1];
          if (row < 0 || row >= side || at < 0 || at >= side) continue;
          for (let i = 0; i < channels; i++) {
            sum +=
              (image[(row * side + at) * channels + i] as number) *
              (filter[(tap * channels + i) * channels + o] as number);
          }
        }
        wanted.push(sum);
        got.push(own[position * channels + o] as number);
      }
    }
    expect(relativeError(got, Float64Array.from(wanted))).toBeLessThan(3e-6);
    expect(relativeError(got, Float64Array.from(wanted))).toBeGreaterThan(6e-7); // not a direct one
    tf.dispose([x, w, bias, all, last, imageOfLast, valuesOfLast]);
  });

  it("leave a small grid alone that no filter learns from: its values are those of a direct convolution", async () => {
    const [x, w] = [draw(imageShape, "x"), draw(filterShape, "w")];
    const direct = expected(x, w, draw(outputShape, "dy"));
    const y = tf.tidy(() => tf.conv2d(tf.tensor4d(x, imageShape), tf.tensor4d(w, filterShape), 1, "same"));
    expect(relativeError(await y.data(), direct.y)).toBeLessThan(6e-7);
    y.dispose();
  });
});
