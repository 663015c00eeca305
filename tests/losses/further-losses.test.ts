import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { reconstructionLoss, reconstructionLossSchema } from "../../src/losses/index.js";
import { weightsFor } from "../../src/losses/ms-ssim.js";
import { msSsimOfPlanes } from "../../src/metrics/ms-ssim.js";
import { lossCard } from "../../src/reports/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

beforeAll(useEngine);

const [height, width] = [163, 170];

/** Smooth stripes, and the same with noise; not the same in the three channels. */
function pair(rows: number, columns: number): { readonly a: Float32Array; readonly b: Float32Array } {
  const random = new Random(4, "pair");
  const a = Float32Array.from({ length: rows * columns * 3 }, (_, i) => {
    const [channel, x, y] = [i % 3, Math.floor(i / 3) % columns, Math.floor(i / 3 / columns)];
    return 0.6 * Math.sin((x * (channel + 1)) / 9 + y / 13);
  });
  return { a, b: a.map((value) => value + 0.15 * random.normal()) };
}

async function lossOf(name: string, rows: number, columns: number): Promise<number> {
  const { a, b } = pair(rows, columns);
  const [x, y] = [a, b].map((data) => tf.tensor4d(data, [1, rows, columns, 3])) as [tf.Tensor4D, tf.Tensor4D];
  const { total } = reconstructionLoss(x, y, reconstructionLossSchema.parse(name));
  return (await total.data())[0] as number;
}

describe("msSsim", () => {
  it("is 1 less what evaluations measure, at all five scales, on odd sides", async () => {
    const { a, b } = pair(height, width);
    const planes = [0, 1, 2].map((channel) => {
      // Of 8-bit values, range 255 from black.
      const plane = (data: Float32Array) =>
        Float64Array.from(
          { length: height * width },
          (_, i) => ((data[3 * i + channel] as number) + 1) * 127.5,
        );
      return msSsimOfPlanes({ a: plane(a), b: plane(b), height, width });
    });
    const mean = planes.reduce((sum, value) => sum + value, 0) / 3;
    expect(mean).toBeLessThan(0.97); // there is something to tell
    expect(await lossOf("msSsim", height, width)).toBeCloseTo(1 - mean, 5);
  });

  it("takes the scales that the image holds, with weights that sum to 1", () => {
    expect(weightsFor(161, 200)).toHaveLength(5);
    expect(weightsFor(160, 200)).toHaveLength(4);
    expect(weightsFor(200, 64)).toHaveLength(3);
    expect(weightsFor(11, 11)).toEqual([1]);
    const [fine, middle] = weightsFor(21, 40) as [number, number];
    expect(fine + middle).toBeCloseTo(1, 12);
    expect(middle / fine).toBeCloseTo(0.2856 / 0.0448, 10);
  });

  it("refuses crops under its window", () => {
    const small = tf.zeros<tf.Rank.R4>([1, 10, 20, 3]);
    expect(() => reconstructionLoss(small, small, reconstructionLossSchema.parse("msSsim"))).toThrow(
      /MS-SSIM: expected shape .*its window/,
    );
  });
});

describe("sobel", () => {
  it("is what plain loops compute", async () => {
    const [rows, columns] = [7, 10];
    const { a, b } = pair(rows, columns);
    const filter = [-1, 0, 1, -2, 0, 2, -1, 0, 1];
    let sum = 0;
    let count = 0;
    for (let y = 1; y < rows - 1; y++) {
      for (let x = 1; x < columns - 1; x++) {
        for (let c = 0; c < 3; c++) {
          let [across, down] = [0, 0];
          for (let i = 0; i < 9; i++) {
            const at = ((y + Math.floor(i / 3) - 1) * columns + x + (i % 3) - 1) * 3 + c;
            const d = (b[at] as number) - (a[at] as number);
            across += (filter[i] as number) * d;
            down += (filter[(i % 3) * 3 + Math.floor(i / 3)] as number) * d;
          }
          sum += (Math.abs(across) + Math.abs(down)) / 8;
          count += 2;
        }
      }
    }
    expect(await lossOf("sobel", rows, columns)).toBeCloseTo(sum / count, 6);
  });

  it("of a slope of 1 a pixel in one direction is a half", async () => {
    const ramp = tf.tensor4d(
      Array.from({ length: 5 * 6 }, (_, i) => i % 6),
      [1, 5, 6, 1],
    );
    const { total } = reconstructionLoss(tf.zerosLike(ramp), ramp, reconstructionLossSchema.parse("sobel"));
    expect((await total.data())[0]).toBeCloseTo(0.5, 6);
  });
});

it("both stand on the loss card by what they are", () => {
  const { terms } = lossCard({ loss: { l1: 1, msSsim: 0.2, sobel: 0.1 } });
  expect(terms.map(({ formula }) => formula)).toEqual([
    expect.stringContaining("mean |x − x̂|"),
    expect.stringContaining("MS-SSIM"),
    expect.stringContaining("Sobel"),
  ]);
});
