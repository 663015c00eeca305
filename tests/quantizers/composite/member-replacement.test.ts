import { beforeAll, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { createQuantizer, type Quantizer } from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

/** γ = ½: a code that nothing chose falls from 1 to ½ and is below 0.6 at the first step that is due. */
const member = {
  kind: "vq",
  replaceBelow: 0.6,
  replaceEvery: 1,
  replaceDecay: 0.5,
  initialization: "uniform",
};

/** Rows of each codebook, set by hand. */
function build(config: object, tables: Readonly<Record<string, readonly (readonly number[])[]>>): Quantizer {
  const quantizer = createQuantizer(config, 3);
  for (const [name, rows] of Object.entries(tables)) {
    tf.tidy(() =>
      quantizer
        .variables()
        .get(name)
        ?.assign(tf.tensor2d(rows as number[][])),
    );
  }
  return quantizer;
}

async function replaced(
  quantizer: Quantizer,
  latents: readonly number[],
  shape: [number, number, number, number],
) {
  const [n, h, w] = shape;
  const drawn =
    quantizer.replacementInputs?.({ step: 1, grid: [n, h, w], random: new Random(1, "test") }) ?? {};
  const { codes, rows } = tf.tidy(() => {
    const z = tf.tensor4d([...latents], shape);
    const { indices } = quantizer.quantize(z);
    quantizer.updateCodebook(z, indices);
    const found = quantizer.replaceDeadCodes?.(z, indices, drawn);
    return {
      codes: found?.codes.clone() as tf.Tensor2D,
      rows: [...(found?.rows ?? [])].map(([name, each]) => ({ name, isNew: each.clone() })),
    };
  });
  const donors = Object.fromEntries(
    await Promise.all(
      Object.entries(drawn).map(async ([name, each]) => [name, Array.from(await each.data())] as const),
    ),
  );
  const result = {
    shape: codes.shape,
    codes: Array.from(await codes.data()),
    rows: Object.fromEntries(
      await Promise.all(rows.map(async ({ name, isNew }) => [name, Array.from(await isNew.data())] as const)),
    ),
    donors,
  };
  tf.dispose([drawn, codes, rows]);
  return result;
}

async function table(quantizer: Quantizer, name: string): Promise<number[]> {
  return Array.from((await quantizer.variables().get(name)?.data()) ?? []);
}

it("residual: dead codes of the first become latents, of the second what the first left", async () => {
  const quantizer = build(
    { kind: "residual", numQuantizers: 2, codebookSize: 3, codeDim: 2, quantizer: member },
    {
      "0/codes": [
        [90, 0],
        [4, 5],
        [0, 90],
      ],
      "1/codes": [
        [1, -1],
        [70, 70],
        [-70, 0],
      ],
    },
  );
  // All four latents choose code 1 of the first, which leaves (1, −1), (0.5, 0), (1, 0.25) and (2, −1): code 0 of the second.
  const latents = [5, 4, 4.5, 5, 5, 5.25, 6, 4];
  const left = [1, -1, 0.5, 0, 1, 0.25, 2, -1];
  const { shape, codes, rows, donors } = await replaced(quantizer, latents, [1, 2, 2, 2]);
  expect(shape).toEqual([2, 3]);
  expect(codes).toEqual([1, 0, 1, 0, 1, 1]);
  expect(rows).toEqual({
    "0/codes": [1, 0, 1],
    "0/shares": [1, 0, 1],
    "1/codes": [0, 1, 1],
    "1/shares": [0, 1, 1],
  });
  const first = await table(quantizer, "0/codes");
  for (const code of [0, 2]) {
    const donor = donors["0/replacementDonors"]?.[code] as number;
    expect(first.slice(2 * code, 2 * code + 2)).toEqual(latents.slice(2 * donor, 2 * donor + 2));
  }
  expect(first.slice(2, 4)).toEqual([4, 5]);
  const second = await table(quantizer, "1/codes");
  for (const code of [1, 2]) {
    const donor = donors["1/replacementDonors"]?.[code] as number;
    expect(second.slice(2 * code, 2 * code + 2)).toEqual(left.slice(2 * donor, 2 * donor + 2));
  }
  // The two members draw for themselves.
  expect(donors["0/replacementDonors"]).not.toEqual(donors["1/replacementDonors"]);
  quantizer.dispose();
});

it("grouped: each group by its channels; a member that replaces none has none replaced", async () => {
  const quantizer = build(
    {
      kind: "grouped",
      quantizers: [
        { kind: "vq", codebookSize: 2, codeDim: 1, initialization: "uniform" },
        { ...member, codebookSize: 2, codeDim: 2 },
      ],
    },
    {
      "0/codes": [[3], [50]],
      "1/codes": [
        [80, 80],
        [1, 2],
      ],
    },
  );
  const { codes, rows, donors } = await replaced(quantizer, [3, 1, 2, 2.5, 1.5, 2.5], [1, 1, 2, 3]);
  expect(codes).toEqual([0, 0, 1, 0]);
  expect(Object.keys(rows)).toEqual(["1/codes", "1/shares"]);
  const donor = donors["1/replacementDonors"]?.[0] as number;
  expect((await table(quantizer, "1/codes")).slice(0, 2)).toEqual(donor === 0 ? [1, 2] : [1.5, 2.5]);
  quantizer.dispose();
});

it("multi-scale: by what some scale was quantized from", async () => {
  const quantizer = build(
    {
      kind: "multi-scale",
      scales: [1, 2],
      phiRatio: 0,
      quantizer: { ...member, codebookSize: 2, codeDim: 1 },
    },
    { "codebook/codes": [[2], [500]] },
  );
  // The mean, 4, chooses code 2; what is left of 1, 3, 5, 7 is −1, 1, 3, 5, and chooses it too.
  const given = [4, -1, 1, 3, 5];
  const { shape, codes, rows, donors } = await replaced(quantizer, [1, 3, 5, 7], [1, 2, 2, 1]);
  expect(shape).toEqual([1, 2]);
  expect(codes).toEqual([0, 1]);
  expect(rows).toEqual({ "codebook/codes": [0, 1], "codebook/shares": [0, 1] });
  const donor = donors.replacementDonors?.[1] as number;
  expect((await table(quantizer, "codebook/codes"))[1]).toBeCloseTo(given[donor] as number, 5);
  quantizer.dispose();
});

it("nothing is drawn where no member replaces any, and noise is refused as before", () => {
  const plain = createQuantizer({ kind: "residual", numQuantizers: 2, codebookSize: 4, codeDim: 2 }, 0);
  expect([plain.trainingInputs, plain.replacementInputs, plain.replaceDeadCodes]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  plain.dispose();
  const noisy = { kind: "vq", gradient: "nsvq", replaceBelow: 0.1 };
  expect(() =>
    createQuantizer({ kind: "residual", numQuantizers: 2, codebookSize: 4, codeDim: 2, quantizer: noisy }, 0),
  ).toThrow(/a member that trains as it evaluates, got "vq" with noise/);
});
