/**
 * Against vector-quantize-pytorch, where it computes the same: VQKIT_PYTHON names a Python that has it. docs/quantizers.md
 * says where it does not, and who is right. Several codes a position are in composite/peer.test.ts.
 */
import { execFileSync } from "node:child_process";
import { resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { createQuantizer, type Quantizer } from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

type Rows = readonly (readonly number[])[];
type Gradients = Readonly<Record<string, Rows | null>>;

interface Measured {
  readonly indices: readonly number[];
  readonly quantized: Rows;
  readonly gradients: Gradients;
  readonly losses: Readonly<Record<string, { readonly value: number; readonly gradients: Gradients }>>;
}

const python = process.env.VQKIT_PYTHON ?? "python3";

function hasPeer(): boolean {
  try {
    execFileSync(python, ["-c", "import vector_quantize_pytorch"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const wave = (length: number, pace: number, height = 1.3): number[] =>
  Array.from({ length }, (_, i) => Math.fround(height * Math.sin(pace * i + 0.3 * (i % 5) + 0.2)));
const inThrees = (values: readonly number[]): number[][] =>
  Array.from({ length: values.length / 3 }, (_, row) => values.slice(3 * row, 3 * row + 3));
const codes = inThrees(wave(21, 1.7));
const input = {
  latents: inThrees(wave(33, 0.9, 1.6)),
  weights: inThrees(wave(33, 2.3)),
  noise: inThrees(wave(33, 3.1)),
  codes,
  unitCodes: codes.map((row) => row.map((x) => x / Math.hypot(...row))),
  kernel: inThrees(wave(9, 0.77)),
  levels: [5, 4, 3],
};

const TABLE = { codebookSize: 7, codeDim: 3 };
const LFQ = { codeDim: 3, temperature: 0.8 };

/** Variables of ours that are given values, and the noise of a step. */
const cases: Readonly<Record<string, readonly [config: object, variables: Record<string, Rows>]>> = {
  "straight-through": [{ kind: "vq", ...TABLE }, { codes }],
  rotation: [{ kind: "rotation", ...TABLE }, { codes }],
  diveq: [{ kind: "vq", gradient: "diveq", noiseVariance: 5e-3, ...TABLE }, { codes }],
  sphere: [{ kind: "vq", codebook: "sphere", ...TABLE }, { codes: input.unitCodes }],
  simvq: [
    { kind: "simvq", linearBias: false, ...TABLE },
    { table: codes, kernel: input.kernel },
  ],
  fsq: [{ kind: "fsq", levels: input.levels }, {}],
  "fsq, symmetric": [{ kind: "fsq", levels: input.levels, bound: "symmetric" }, {}],
  fsp: [{ kind: "fsp", levels: input.levels }, {}],
  lfq: [{ kind: "lfq", ...LFQ }, {}],
  bsq: [{ kind: "bsq", ...LFQ, bitsTogether: 3 }, {}],
};

function build(config: object, variables: Readonly<Record<string, Rows>>): Quantizer {
  const quantizer = createQuantizer(config, 1);
  for (const [name, rows] of Object.entries(variables)) {
    tf.tidy(() =>
      quantizer
        .variables()
        .get(name)
        ?.assign(tf.tensor2d(rows as number[][])),
    );
  }
  return quantizer;
}

const gridOf = (rows: Rows): tf.Tensor4D => tf.tensor4d(rows.flat(), [1, 1, rows.length, 3]);

async function numbersOf(tensor: tf.Tensor): Promise<number[]> {
  const values = [...(await tensor.data())];
  tensor.dispose();
  return values;
}

/** Indices and values in training, gradients of the weighted sum and of each loss. */
async function ours(config: object, variables: Readonly<Record<string, Rows>>) {
  const quantizer = build(config, variables);
  const z: tf.Variable<tf.Rank.R4> = tf.tidy(() => tf.variable(gridOf(input.latents)));
  const noisy = "gradient" in config ? { noise: tf.tensor2d(input.noise) } : undefined;
  const learning = [...quantizer.variables()].filter(([, variable]) => variable.trainable);
  const gradients = async (of: (output: ReturnType<Quantizer["quantize"]>) => tf.Scalar) => {
    const variables = [z, ...learning.map(([, variable]) => variable)];
    const { grads, value } = tf.variableGrads(() => of(quantizer.quantize(z, noisy)), variables);
    const byName = await Promise.all(
      [["latents", z] as const, ...learning].map(async ([name, variable]) => {
        const found = grads[variable.name];
        return [name, found === undefined ? [] : await numbersOf(found)] as const;
      }),
    );
    return { value: (await numbersOf(value))[0] as number, gradients: Object.fromEntries(byName) };
  };
  const output = quantizer.quantize(z, noisy);
  const names = Object.keys(output.losses);
  const [indices, quantized] = await Promise.all([output.indices.data(), output.quantized.data()]);
  tf.dispose(output);
  const weighted = await gradients((made) =>
    tf.sum(tf.mul(made.quantized, gridOf(input.weights))).asScalar(),
  );
  const losses: Record<string, Awaited<ReturnType<typeof gradients>>> = {};
  for (const name of names) losses[name] = await gradients((made) => made.losses[name] as tf.Scalar);
  tf.dispose([z, noisy ?? []]);
  quantizer.dispose();
  return { indices: [...indices], quantized: [...quantized], gradients: weighted.gradients, losses };
}

/** Both compute in float32. */
function expectClose(
  got: readonly number[] = [],
  wanted: readonly number[] = [],
  what = "values",
  within = 1e-5,
): void {
  expect(got, what).toHaveLength(wanted.length);
  const scale = Math.max(1, ...wanted.map(Math.abs));
  for (const [i, value] of got.entries()) {
    expect(Math.abs(value - (wanted[i] as number)), `${what}, item ${i}`).toBeLessThan(within * scale);
  }
}

const runs = hasPeer();
describe.skipIf(!runs)(`vector-quantize-pytorch${runs ? "" : " (no Python that has it)"}`, () => {
  let peer: Readonly<Record<string, Measured>> & {
    readonly "moving averages"?: { readonly codes: Rows };
  };

  beforeAll(async () => {
    await useEngine();
    const script = resolve(import.meta.dirname, "../../tools/quantizer_peer.py");
    peer = JSON.parse(execFileSync(python, [script], { input: JSON.stringify(input), encoding: "utf8" }));
  }, 120_000);

  const reversed = (index: number) => ((index & 1) << 2) | (index & 2) | (index >> 2);

  it.each(Object.keys(cases))("finds the same codes and passes the same gradients: %s", async (name) => {
    const theirs = peer[name] as Measured;
    const found = await ours(...(cases[name] as (typeof cases)[string]));
    // Their first bit is the most significant one.
    const isBits = name === "lfq" || name === "bsq";
    expect(found.indices).toEqual(isBits ? theirs.indices.map(reversed) : theirs.indices);
    expectClose(found.quantized, theirs.quantized.flat(), "quantized");
    expectClose(found.gradients.latents, theirs.gradients.latents?.flat() ?? [], "gradient of latents");
    if (name === "diveq") {
      expectClose(found.gradients.codes, theirs.gradients.codes?.flat() ?? [], "gradient of codes");
    }
  });

  it.each(["straight-through", "rotation"])(
    "%s: their one loss is our two, which have its value and its two gradients",
    async (name) => {
      const theirs = (peer[name] as Measured).losses.commitment;
      const { losses } = await ours(...(cases[name] as (typeof cases)[string]));
      const { commitment, codebook } = losses;
      expectClose([commitment?.value ?? 0, codebook?.value ?? 0], Array(2).fill(theirs?.value), "value");
      expectClose(commitment?.gradients.latents, theirs?.gradients.latents?.flat() ?? [], "latents");
      expectClose(codebook?.gradients.codes, theirs?.gradients.codes?.flat() ?? [], "codes");
    },
  );

  it.each([
    ["sphere", "commitment"],
    ["fsp", "spread"],
    ["lfq", "commitment"],
    ["lfq", "entropy"],
    ["bsq", "commitment"],
    ["bsq", "entropy"],
  ])("%s: the %s loss and its gradient", async (name, loss) => {
    const theirs = (peer[name] as Measured).losses[loss];
    const own = (await ours(...(cases[name] as (typeof cases)[string]))).losses[loss];
    // Theirs has π²/12 as 0.8225, and clips probabilities at 1e-5 in logarithms.
    const within = loss === "commitment" ? 1e-5 : 5e-5;
    expectClose([own?.value ?? Number.NaN], [theirs?.value ?? 0], "value", within);
    expectClose(own?.gradients.latents, theirs?.gradients.latents?.flat() ?? [], "latents", within);
  });

  it("simvq: the codebook loss and a quarter of the commitment loss", async () => {
    const theirs = (peer.simvq as Measured).losses.total;
    const { codebook, commitment } = (await ours(...(cases.simvq as (typeof cases)[string]))).losses;
    const total = (a: number, b: number) => a + 0.25 * b;
    expectClose([total(codebook?.value ?? 0, commitment?.value ?? 0)], [theirs?.value ?? 0], "value");
    const latents = commitment?.gradients.latents as number[];
    expectClose(
      latents.map((x) => 0.25 * x),
      theirs?.gradients.latents?.flat() ?? [],
      "latents",
    );
    expectClose(codebook?.gradients.kernel, theirs?.gradients.kernel?.flat() ?? [], "kernel");
  });

  it("moving averages: the table after a step", async () => {
    const quantizer = build({ kind: "vq", codebook: "ema", emaDecay: 0.9, ...TABLE }, { sums: codes });
    const made = tf.tidy(() => {
      const z = gridOf(input.latents);
      quantizer.updateCodebook(z, quantizer.quantize(z).indices);
      return quantizer.indicesToCodes(tf.tensor4d([0, 1, 2, 3, 4, 5, 6], [1, 1, 7, 1], "int32"));
    });
    expectClose(await numbersOf(made), peer["moving averages"]?.codes.flat() ?? [], "codes");
    quantizer.dispose();
  });
});
