import { beforeAll, describe, expect, it } from "vitest";
import { EmaCodebook } from "../../../src/quantizers/codebooks/ema.js";
import { createQuantizer } from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

const START = [
  [1, 2],
  [-3, 0.5],
  [4, -6],
];

function codebook(options: { decay: number; epsilon: number }): EmaCodebook {
  return new EmaCodebook({ codebookSize: 3, codeDim: 2, codes: Float32Array.from(START.flat()) }, options);
}

async function codesOf(codes: EmaCodebook): Promise<number[]> {
  const tensor = tf.tidy(() => codes.codes());
  const values = Array.from(await tensor.data());
  tensor.dispose();
  return values;
}

function expectClose(got: readonly number[], expected: readonly number[]): void {
  expect(got.length).toBe(expected.length);
  got.forEach((x, i) => {
    expect(x).toBeCloseTo(expected[i] as number, 4);
  });
}

describe("EmaCodebook", () => {
  it("starts at the given codes", async () => {
    const ema = codebook({ decay: 0.99, epsilon: 1e-5 });
    expectClose(await codesOf(ema), START.flat());
    ema.dispose();
  });

  it("follows the running means of the paper's appendix", async () => {
    const [decay, epsilon] = [0.7, 0.0005]; // no count falls below 1000ε = 0.5, where codes begin to rest
    const ema = codebook({ decay, epsilon });
    const counts = [1, 1, 1];
    const sums = START.map((code) => [...code]);
    const steps = [
      {
        latents: [
          [1, 1],
          [2, 5],
          [0, -1],
          [7, 7],
        ],
        indices: [2, 0, 2, 2],
      },
      {
        latents: [
          [3, -1],
          [2, 2],
        ],
        indices: [1, 2],
      },
    ];
    for (const { latents, indices } of steps) {
      tf.tidy(() => ema.update(tf.tensor2d(latents), tf.tensor1d(indices, "int32")));
      for (const k of [0, 1, 2]) {
        const mine = latents.filter((_, i) => indices[i] === k);
        counts[k] = decay * (counts[k] as number) + (1 - decay) * mine.length;
        for (const d of [0, 1]) {
          const total = mine.reduce((sum, row) => sum + (row[d] as number), 0);
          (sums[k] as number[])[d] = decay * (sums[k]?.[d] as number) + (1 - decay) * total;
        }
      }
      const all = counts.reduce((a, b) => a + b);
      const smoothed = counts.map((n) => ((n + epsilon) / (all + 3 * epsilon)) * all);
      expectClose(
        await codesOf(ema),
        sums.flatMap((row, k) => row.map((x) => x / (smoothed[k] as number))),
      );
    }
    ema.dispose();
  });

  it("leaves a code that is not chosen where it was", async () => {
    const ema = codebook({ decay: 0.99, epsilon: 1e-5 });
    for (let step = 0; step < 20; step++) {
      tf.tidy(() =>
        ema.update(
          tf.tensor2d([
            [4, -5],
            [4, -7],
          ]),
          tf.tensor1d([2, 2], "int32"),
        ),
      );
    }
    expectClose(
      (await codesOf(ema)).slice(0, 4).map((x) => x / 10),
      START.slice(0, 2)
        .flat()
        .map((x) => x / 10),
    );
    ema.dispose();
  });

  /** Codes that settle at their first latent, then `updates` of code 2 alone. */
  async function afterNeglect(
    options: { decay: number; epsilon: number },
    updates: number,
  ): Promise<number[]> {
    const ema = codebook(options);
    const choose = (latents: number[][], indices: number[]) =>
      tf.tidy(() => ema.update(tf.tensor2d(latents), tf.tensor1d(indices, "int32")));
    for (let step = 0; step < updates; step++) {
      choose([[4, -6.5]], [2]);
      if (step % 100 === 99) await codesOf(ema); // runs what is recorded
    }
    const codes = await codesOf(ema);
    ema.dispose();
    return codes;
  }

  it.each([
    // The count starts at 1; updates after which 1·γᵗ nears ε: ln(1e-5)/ln(0.99) = 1146.
    { decay: 0.99, epsilon: 1e-5, updates: 1600 },
    { decay: 0.5, epsilon: 1e-4, updates: 60 }, // 0.5^14 < 1e-4
    { decay: 0, epsilon: 1e-5, updates: 3 }, // nothing of an earlier count stays
  ])("leaves a code where it was however long it is not chosen: %o", async (options) => {
    const codes = await afterNeglect(options, options.updates);
    // Smoothing adds ε to a count of at least 1000ε, and all counts together matter to 3ε in 1: 1/1000 and a little.
    START.slice(0, 2)
      .flat()
      .forEach((start, i) => {
        expect(Math.abs((codes[i] as number) / start - 1)).toBeLessThan(0.002);
      });
    expect(codes[5]).toBeCloseTo(-6.5, 1); // the one that is chosen has moved
  });

  it("keeps a resting code to the last bit, and moves it again when it is chosen", async () => {
    const ema = codebook({ decay: 0.5, epsilon: 1e-4 }); // rests at 0.125: 0.0625 is below 1000ε = 0.1
    const choose = (latents: number[][], indices: number[]) =>
      tf.tidy(() => ema.update(tf.tensor2d(latents), tf.tensor1d(indices, "int32")));
    const stateOf = async () => {
      const values = await Promise.all([...ema.variables().values()].map((variable) => variable.data()));
      return values.flatMap((list) => [...list]); // counts [3], sums [3, 2]
    };
    for (let step = 0; step < 6; step++) choose([[4, -6]], [2]);
    const [count, , , x, y] = await stateOf();
    expect([count, x, y]).toEqual([0.125, 0.125, 0.25]); // powers of two: exact
    for (let step = 0; step < 40; step++) choose([[4, -6]], [2]);
    expect((await stateOf())[0]).toBe(0.125);
    choose([[5, 3]], [0]);
    const state = await stateOf();
    // γ·0.125 + 0.5·1 and γ·0.125·e + 0.5·z, as for any other code.
    expect([state[0], state[3], state[4]]).toEqual([0.5625, 0.0625 + 2.5, 0.125 + 1.5]);
    ema.dispose();
  });

  it("forgets what it counted when codes are set", async () => {
    const ema = codebook({ decay: 0.5, epsilon: 1e-5 });
    tf.tidy(() => ema.update(tf.tensor2d([[9, 9]]), tf.tensor1d([1], "int32")));
    ema.setCodes(Float32Array.of(1, 1, 2, 2, 3, 5));
    expectClose(await codesOf(ema), [1, 1, 2, 2, 3, 5]);
    ema.dispose();
  });
});

describe("vq with the codebook ema", () => {
  it("is changed by updateCodebook, towards the latents, and by nothing else", async () => {
    const config = {
      kind: "vq",
      codebook: "ema",
      codebookSize: 5,
      codeDim: 2,
      initialization: "normal",
      emaDecay: 0.5,
    };
    const quantizer = createQuantizer(config, 0);
    expect([...quantizer.variables().values()].every((variable) => !variable.trainable)).toBe(true);
    const latents = tf.tensor4d([1, 2, 3, 1, -1, -2, 0, 2, 2, 2, -3, 0], [1, 2, 3, 2]);
    const commitment = async () => {
      const { quantized, indices, losses } = quantizer.quantize(latents);
      quantizer.updateCodebook(latents, indices);
      const value = (await losses.commitment?.data())?.[0] as number;
      tf.dispose([quantized, indices, losses]);
      return value;
    };
    const first = await commitment();
    for (let step = 0; step < 10; step++) await commitment();
    expect(await commitment()).toBeLessThan(0.5 * first);
    latents.dispose();
    quantizer.dispose();
  });
});
