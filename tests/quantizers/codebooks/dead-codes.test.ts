import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { createQuantizer, type Quantizer } from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

const options = {
  kind: "vq",
  codebookSize: 4,
  codeDim: 2,
  replaceBelow: 0.3,
  replaceEvery: 2,
  replaceDecay: 0.5,
} as const;

/** Four latents that all lie nearest to code 2; the other codes are far away. */
const LATENTS = [1, 2, 1.5, 2, 1, 2.5, 1.25, 2.25];
const CODES = [-50, 3, 40, 40, 1, 2, 60, -60];

const latentGrid = () => tf.tensor4d(LATENTS, [1, 2, 2, 2]);

function build(codebook: "free" | "ema"): Quantizer {
  const quantizer = createQuantizer({ ...options, codebook }, 3);
  const variables = quantizer.variables();
  tf.tidy(() => {
    variables.get("codes")?.assign(tf.tensor2d(CODES, [4, 2]));
    // Counts are 1 at first, so sums are codes.
    variables.get("sums")?.assign(tf.tensor2d(CODES, [4, 2]));
  });
  return quantizer;
}

async function step(quantizer: Quantizer, number: number) {
  const inputs = quantizer.replacementInputs?.({
    step: number,
    grid: [1, 2, 2],
    random: new Random(1, "test", number),
  });
  const drawn = inputs ?? {};
  const { codes, indices } = tf.tidy(() => {
    const latents = latentGrid();
    const { indices } = quantizer.quantize(latents, drawn);
    quantizer.updateCodebook(latents, indices);
    const replacement = quantizer.replaceDeadCodes?.(latents, indices, drawn);
    return { codes: replacement?.codes.clone() as tf.Tensor2D, indices };
  });
  const result = {
    replaced: Array.from(await codes.data()),
    donors: Array.from((await drawn.replacementDonors?.data()) ?? []),
    shares: Array.from((await quantizer.variables().get("shares")?.data()) ?? []),
    indices: Array.from(await indices.data()),
  };
  tf.dispose([drawn, codes, indices]);
  return result;
}

async function codesOf(quantizer: Quantizer): Promise<number[][]> {
  const codes = tf.tidy(() => quantizer.indicesToCodes(tf.tensor4d([0, 1, 2, 3], [1, 2, 2, 1], "int32")));
  const values = Array.from(await codes.data());
  codes.dispose();
  return [0, 2, 4, 6].map((at) => values.slice(at, at + 2));
}

describe.each(["free", "ema"] as const)("dead codes of %s", (codebook) => {
  it("become latents of the batch at the step that is due, and count as used again", async () => {
    const quantizer = build(codebook);
    // γ = ½: of code 2, chosen by all four latents, ½·1 + ½·4·4/4 = 2.5; of the others ½.
    const first = await step(quantizer, 1);
    expect(first).toMatchObject({
      ...{ replaced: [0, 0, 0, 0], shares: [0.5, 0.5, 2.5, 0.5], indices: [2, 2, 2, 2] },
    });
    const [before] = await codesOf(quantizer);
    expect(before?.[0]).toBeCloseTo(-50, 3);
    // Step 2 is due, ½·½ = 0.25 is below 0.3: three codes are replaced, and their shares are 1 again.
    const second = await step(quantizer, 2);
    expect(second.replaced).toEqual([1, 1, 0, 1]);
    expect(second.shares).toEqual([1, 1, 3.25, 1]);
    // Four donors for four codes: each latent once.
    expect([...second.donors].sort()).toEqual([0, 1, 2, 3]);
    const codes = await codesOf(quantizer);
    for (const code of [0, 1, 3]) {
      const donor = second.donors[code] as number;
      expect(codes[code]?.[0]).toBeCloseTo(LATENTS[2 * donor] as number, 5);
      expect(codes[code]?.[1]).toBeCloseTo(LATENTS[2 * donor + 1] as number, 5);
    }
    quantizer.dispose();
  });

  it("stay where they were put: later updates do not bring the old code back", async () => {
    const quantizer = build(codebook);
    for (const number of [1, 2]) await step(quantizer, number);
    const placed = await codesOf(quantizer);
    const { indices } = await step(quantizer, 3);
    // All latents are the codes of three, so the far codes of the start cannot return.
    expect(new Set(indices).size).toBeGreaterThanOrEqual(3);
    for (const code of await codesOf(quantizer)) {
      const distance = Math.min(
        ...placed.map((each) =>
          Math.hypot((code[0] as number) - (each[0] as number), (code[1] as number) - (each[1] as number)),
        ),
      );
      expect(distance).toBeLessThan(0.6);
    }
    quantizer.dispose();
  });
});

describe("replacement", () => {
  it("is off unless asked for: nothing is drawn, nothing is counted", () => {
    const quantizer = createQuantizer({ kind: "vq", codebookSize: 4, codeDim: 2 }, 0);
    expect(quantizer.trainingInputs).toBeUndefined();
    expect(quantizer.replacementInputs).toBeUndefined();
    expect(quantizer.replaceDeadCodes).toBeUndefined();
    expect([...quantizer.variables().keys()]).toEqual(["codes"]);
    quantizer.dispose();
  });

  it("waits for its first steps", async () => {
    const quantizer = createQuantizer({ ...options, replaceAfter: 5 }, 0);
    for (const [number, due] of [
      [2, 0],
      [4, 0],
      [6, 1],
      [7, 0],
      [8, 1],
    ] as const) {
      const inputs = quantizer.replacementInputs?.({ step: number, grid: [1, 2, 2], random: new Random(0) });
      expect(Array.from((await inputs?.replacementDue?.data()) ?? [])).toEqual([due]);
      tf.dispose(inputs ?? {});
    }
    quantizer.dispose();
  });

  it.each([
    [
      { kind: "simvq", replaceBelow: 0.1 },
      /replaceBelow: expected rotation or vq|unknown key "replaceBelow"/,
    ],
    [{ kind: "rotation", codebook: "linear", replaceBelow: 0.1 }, /codebook is "linear" and only "free"/],
  ])("is refused by %j", (config, message) => {
    expect(() => createQuantizer(config, 0)).toThrow(message);
  });
});
