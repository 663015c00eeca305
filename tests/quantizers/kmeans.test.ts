import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../src/core/random.js";
import { kMeans } from "../../src/quantizers/index.js";
import { sampleDistinctRows } from "../../src/quantizers/kmeans.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";
import { nearest } from "./references.js";

beforeAll(useEngine);

function rowsOf(values: Float32Array, dim: number): number[][] {
  return Array.from({ length: values.length / dim }, (_, i) =>
    Array.from(values.subarray(i * dim, (i + 1) * dim)),
  );
}

async function centresOf(rows: number[][], clusters: number, seed = 0): Promise<number[][]> {
  const latents = tf.tensor2d(rows);
  const centres = await kMeans(latents, { clusters, random: new Random(seed, "test") });
  latents.dispose();
  return rowsOf(centres, rows[0]?.length ?? 0);
}

describe("kMeans that is watched or stopped", () => {
  const rows = () => new Random(5, "rows").fill(20_000 * 2, (random) => random.normal());
  const options = () => ({ clusters: 7, iterations: 4, random: new Random(3, "test") });

  it("tells before each run of the engine how many rows are assigned, and ends in the same centres", async () => {
    const latents = tf.tensor2d(rows(), [20_000, 2]);
    const told: number[] = [];
    const watched = await kMeans(latents, options(), {
      onProgress: ({ done, total }) => {
        expect(total).toBe(80_000); // 4 rounds of 20,000
        told.push(done);
      },
    });
    expect(watched).toEqual(await kMeans(latents, options()));
    latents.dispose();
    const round = [0, 8192, 16_384];
    expect(told).toEqual([0, 1, 2, 3].flatMap((i) => round.map((at) => 20_000 * i + at)));
  });

  it.each([
    ["before it begins", -1, 0],
    ["within the first round", 8192, 2],
    ["within the second round", 20_000 + 16_384, 6],
  ])("ends with the signal's reason, and leaves no tensor behind: %s", async (_, at, runs) => {
    const latents = tf.tensor2d(rows(), [20_000, 2]);
    const stop = new AbortController();
    const reason = new Error("stopped by the test");
    if (at < 0) stop.abort(reason);
    const before = tf.memory().numTensors;
    let told = 0;
    const onProgress = ({ done }: { done: number }) => {
      told++;
      if (done >= at) stop.abort(reason);
    };
    await expect(kMeans(latents, options(), { signal: stop.signal, onProgress })).rejects.toBe(reason);
    expect(told).toBe(runs); // the run that was told of is made, the next is not
    expect(tf.memory().numTensors).toBe(before);
    latents.dispose();
  });
});

describe("kMeans", () => {
  it("finds the means of groups that lie far apart when it starts with a row of each", async () => {
    const groups = [
      [
        [0, 0],
        [0, 2],
        [4, 1],
      ], // mean (4/3, 1)
      [
        [100, 0],
        [102, 4],
      ], // mean (101, 2)
      [
        [0, -90],
        [0, -91],
        [1, -92],
        [3, -95],
      ], // mean (1, −92)
    ];
    const rows = groups.flat();
    const groupOf = (row: readonly number[]) =>
      groups.findIndex((group) => group.some((r) => String(r) === String(row)));
    let tried = 0;
    for (let seed = 0; seed < 10; seed++) {
      const random = new Random(seed, "test");
      const start = rowsOf(
        sampleDistinctRows(Float32Array.from(rows.flat()), { dim: 2, count: 3, random }),
        2,
      );
      if (new Set(start.map(groupOf)).size < 3) continue;
      tried++;
      const centres = (await centresOf(rows, 3, seed)).sort((a, b) => (a[1] as number) - (b[1] as number));
      expect(centres).toEqual([
        [1, -92],
        [Math.fround(4 / 3), 1],
        [101, 2],
      ]);
    }
    expect(tried).toBeGreaterThan(0);
  });

  it("ends in means of the rows nearest to them", async () => {
    const random = new Random(8, "rows");
    const rows = Array.from({ length: 40 }, () => [
      Math.fround(random.normal()),
      Math.fround(random.normal()),
    ]);
    const latents = tf.tensor2d(rows);
    const values = await kMeans(latents, { clusters: 6, random: new Random(1, "test"), iterations: 50 });
    latents.dispose();
    const centres = rowsOf(values, 2);
    const owners = rows.map((row) => nearest(row, centres));
    centres.forEach((centre, k) => {
      const members = rows.filter((_, i) => owners[i] === k);
      expect(members.length).toBeGreaterThan(0);
      for (const d of [0, 1]) {
        const mean = members.reduce((total, row) => total + (row[d] as number), 0) / members.length;
        expect(centre[d]).toBeCloseTo(mean, 5);
      }
    });
  });

  it("fills empty clusters and returns different centres when many rows are the same", async () => {
    const rows = [...Array(30).fill([1, 1]), [5, 5], [-5, 3], [7, -7]] as number[][];
    const centres = await centresOf(rows, 4);
    expect(new Set(centres.map(String))).toEqual(new Set(["1,1", "5,5", "-5,3", "7,-7"]));
  });

  it("returns as many centres as asked for even when there are fewer different rows", async () => {
    const centres = await centresOf(
      [
        [1, 2],
        [1, 2],
        [3, 4],
      ],
      5,
    );
    expect(centres).toHaveLength(5);
    expect(centres.flat().every(Number.isFinite)).toBe(true);
  });

  it("is repeatable, depends on the seed and leaks nothing", async () => {
    const random = new Random(8, "rows");
    const rows = Array.from({ length: 60 }, () => [random.normal(), random.normal(), random.normal()]);
    const before = tf.memory().numTensors;
    const first = await centresOf(rows, 9);
    expect(await centresOf(rows, 9)).toEqual(first);
    expect(await centresOf(rows, 9, 1)).not.toEqual(first);
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe("sampleDistinctRows", () => {
  it("returns different rows of the data", () => {
    const rows = Float32Array.of(1, 2, 3, 4, 1, 2, 5, 6, 3, 4, 1, 2);
    const sample = sampleDistinctRows(rows, { dim: 2, count: 3, random: new Random(0, "test") });
    expect(new Set(rowsOf(sample, 2).map(String))).toEqual(new Set(["1,2", "3,4", "5,6"]));
  });

  it("fills up with copies that are near a row and not equal to it", () => {
    const rows = Float32Array.of(0, 10, 20, 30);
    const sample = rowsOf(sampleDistinctRows(rows, { dim: 2, count: 6, random: new Random(0, "test") }), 2);
    expect(new Set(sample.map(String)).size).toBe(6);
    for (const [a = Number.NaN, b = Number.NaN] of sample) {
      // The spread of the values is 11.2, so a copy stays within a few times 0.112.
      const distances = [Math.hypot(a, b - 10), Math.hypot(a - 20, b - 30)];
      expect(Math.min(...distances)).toBeLessThan(1);
    }
  });
});
