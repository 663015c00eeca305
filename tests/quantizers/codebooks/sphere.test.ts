import { beforeAll, describe, expect, it } from "vitest";
import { createQuantizer, type Quantizer } from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

beforeAll(useEngine);

const LATENTS = [
  [0.5, -2, 1],
  [3, 1, 0.25],
  [-0.125, 0.75, -1.5],
  [0.25, 0.5, 2],
];
/** Of other lengths than 1, as training leaves them. */
const CODES = [
  [0.5, -0.25, 0.125],
  [-2, 3, -4],
  [0.75, 0.5, 0.25],
  [0.5, -4, 3],
];
const WEIGHTS = [
  [1, -2, 0.5],
  [0.25, 3, -1],
  [-1.5, 0.5, 2],
  [2, 1, -0.75],
];

/**
 * Computed in Python's float64, once. u(x) = x / sqrt(Σ x²); index of row m: argmin_k Σ (u(z_m) − u(e_k))², of equals
 * the lowest; q_m = u(e_k); loss: Σ (u(z_m) − q_m)² / 12. Derivatives by dual numbers (forward mode) of: Σ w·u(z) for
 * the straight-through gradient, whose value differs from q by a constant; Σ (u(z) − const q)² / 12 at z; and
 * Σ (u(e_k) − const u(z))² / 12 at e. A search that does not normalise would choose [0, 2, 2, 2], and a commitment loss
 * of z itself would be 0.9.
 */
const EXPECTED = {
  indices: [3, 2, 1, 2],
  quantized: [
    [0.09950371902099892, -0.7960297521679913, 0.5970223141259935],
    [0.8017837257372732, 0.5345224838248488, 0.2672612419124244],
    [-0.3713906763541037, 0.5570860145311556, -0.7427813527082074],
    [0.8017837257372732, 0.5345224838248488, 0.2672612419124244],
  ],
  loss: 0.10897601453916154,
  straightThrough: [
    [0.22860921834246814, -0.04156531242590325, -0.19743523402304078],
    [-0.2501393898063233, 0.8360823440101763, -0.3426566983648264],
    [-0.9560158963886205, 0.6816951838509923, 0.4205155832912146],
    [0.9770446047540688, 0.5094589724789074, -0.24949531871398545],
  ],
  commitment: [
    [0.008271806337294234, -0.004135903168647117, -0.012407709505941352],
    [0.004971423543820844, -0.012384949881097541, -0.010117283001459964],
    [0.02989297960118072, -0.013726368184215638, -0.009354265725539547],
    [-0.05968597816466429, -0.03357336271762366, 0.01585408794998895],
  ],
  codebook: [
    [0, 0, 0],
    [-0.008487821603566549, 0.002379763066420528, 0.00602873310159867],
    [0.01439643538803321, 0.037166456637605115, -0.11752221943930989],
    [-0.004013054559677401, 0.0031531142968893875, 0.004872994822465416],
  ],
};

function build(): Quantizer {
  const quantizer = createQuantizer({ kind: "vq", codebook: "sphere", codebookSize: 4, codeDim: 3 }, 1);
  tf.tidy(() => codesOf(quantizer).assign(tf.tensor2d(CODES)));
  return quantizer;
}

function codesOf(quantizer: Quantizer): tf.Variable {
  return quantizer.variables().get("codes") as tf.Variable;
}

const grid = (rows: number[][]) => tf.tensor4d(rows.flat(), [1, 2, rows.length / 2, 3]);

async function expectRows(tensor: tf.Tensor, expected: number[][], digits = 6): Promise<void> {
  const values = Array.from(await tensor.data());
  expect(values).toHaveLength(expected.flat().length);
  for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected.flat()[i] as number, digits);
  tensor.dispose();
}

describe("the unit-sphere codebook", () => {
  it("searches, chooses and decodes at length 1, whatever the lengths of latents and codes", async () => {
    const quantizer = build();
    const { quantized, indices, losses } = tf.tidy(() => quantizer.quantize(grid(LATENTS)));
    expect(Array.from(await indices.data())).toEqual(EXPECTED.indices);
    expect((await losses.codebook?.data())?.[0]).toBeCloseTo(EXPECTED.loss, 6);
    expect((await losses.commitment?.data())?.[0]).toBeCloseTo(EXPECTED.loss, 6);
    const decoded = tf.tidy(() => quantizer.indicesToCodes(indices));
    await expectRows(decoded, EXPECTED.quantized);
    await expectRows(quantized, EXPECTED.quantized);
    tf.dispose([indices, losses]);
    quantizer.dispose();
  });

  it("passes gradients through the division by the length, of latents and of codes", async () => {
    const quantizer = build();
    const latents = grid(LATENTS);
    const at = (loss: (z: tf.Tensor4D) => tf.Tensor) =>
      tf.tidy(() => tf.grad((z) => loss(z as tf.Tensor4D))(latents));
    await expectRows(
      at((z) => tf.sum(tf.mul(grid(WEIGHTS), quantizer.quantize(z).quantized))),
      EXPECTED.straightThrough,
    );
    await expectRows(
      at((z) => quantizer.quantize(z).losses.commitment as tf.Scalar),
      EXPECTED.commitment,
      7,
    );
    const codes = codesOf(quantizer);
    const { grads, value } = tf.variableGrads(
      () => quantizer.quantize(latents).losses.codebook as tf.Scalar,
      [codes],
    );
    await expectRows(grads[codes.name] as tf.Tensor, EXPECTED.codebook, 7);
    tf.dispose([latents, value]);
    quantizer.dispose();
  });

  it("agrees with central differences where it stands, along each latent", async () => {
    const quantizer = build();
    const slope = async (row: number, d: number): Promise<number> => {
      const step = 1 / 64;
      const moved = (by: number) =>
        LATENTS.map((z, i) => z.map((x, j) => (i === row && j === d ? x + by : x)));
      const [above, below] = await Promise.all(
        [step, -step].map(async (by) => {
          const loss = tf.tidy(() => quantizer.quantize(grid(moved(by))).losses.commitment as tf.Scalar);
          const [value = Number.NaN] = await loss.data();
          loss.dispose();
          return value;
        }),
      );
      return ((above as number) - (below as number)) / (2 * step);
    };
    // Differences of float32 losses near 0.1 over 1/32: good to about 1e-6 / 0.03, and to the step's square.
    for (const [row, d] of [
      [0, 2],
      [1, 1],
      [3, 0],
    ] as const) {
      expect(await slope(row, d)).toBeCloseTo(EXPECTED.commitment[row]?.[d] as number, 3);
    }
    quantizer.dispose();
  });

  it("gives a latent without direction its gradient unchanged, and nothing that is not finite", async () => {
    const quantizer = build();
    const latents = grid([
      [0, 0, 0],
      [1e-9, 0, 0],
      [0, 2, 0],
      [1, 1, 1],
    ]);
    const gradient = tf.tidy(() =>
      tf.grad((z) => tf.sum(tf.mul(grid(WEIGHTS), quantizer.quantize(z as tf.Tensor4D).quantized)))(latents),
    );
    const values = Array.from(await gradient.data());
    expect(values.slice(0, 6)).toEqual([1, -2, 0.5, 0.25, 3, -1]);
    // z = (0, 2, 0): (I − ẑẑᵀ)w / 2
    expect(values.slice(6, 9)).toEqual([-0.75, 0, 1]);
    expect(values.every(Number.isFinite)).toBe(true);
    tf.dispose([latents, gradient]);
    quantizer.dispose();
  });

  it.each(["uniform", "normal", "kmeans", "data"])(
    "starts at length 1 with initialization %s",
    async (initialization) => {
      const config = { kind: "vq", codebook: "sphere", codebookSize: 6, codeDim: 3, initialization };
      const quantizer = createQuantizer(config, 2);
      const latents = tf.tidy(() => tf.mul(tf.randomNormal([30, 3], 0, 1, "float32", 5), 7)) as tf.Tensor2D;
      await quantizer.initialize(latents);
      const values = Array.from(await codesOf(quantizer).data());
      for (let k = 0; k < 6; k++) expect(Math.hypot(...values.slice(3 * k, 3 * k + 3))).toBeCloseTo(1, 6);
      latents.dispose();
      quantizer.dispose();
    },
  );
});
