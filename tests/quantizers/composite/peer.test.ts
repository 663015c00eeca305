/**
 * Against vector-quantize-pytorch, where it computes the same: VQKIT_PYTHON names a Python that has it.
 *
 * It finds the same codes. Its gradient to the latents is that of one straight-through estimator for each quantizer,
 * added up: with its defaults 3 times ours for 3 quantizers. Ours passes once, as one estimator of the sum of the codes
 * has it; `quant_grad_frac=1` of `ResidualVQ` gives the same.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";

interface Measured {
  readonly indices: number[][][][];
  readonly quantized: number[][][][];
  readonly gradient: number[][][][];
}

const python = process.env.VQKIT_PYTHON ?? "python3";
const reference = readFileSync(join(import.meta.dirname, "reference.json"), "utf8");

function hasPeer(): boolean {
  try {
    execFileSync(python, ["-c", "import vector_quantize_pytorch"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

const runs = hasPeer();
describe.skipIf(!runs)(`vector-quantize-pytorch${runs ? "" : " (no Python that has it)"}`, () => {
  // The reference is what vqkit is held against in reference.test.ts.
  const ours = JSON.parse(reference) as Readonly<
    Record<
      "residual" | "residualFsq" | "multiScalePlain",
      Measured & {
        readonly weights: number[][][][];
        readonly gradients: { readonly latents: number[][][][] };
      }
    >
  >;
  let peer: Readonly<Record<"residual" | "residualWhole" | "residualFsq" | "multiScalePlain", Measured>>;
  beforeAll(() => {
    const script = resolve(import.meta.dirname, "../../../tools/several_codes_peer.py");
    peer = JSON.parse(execFileSync(python, [script], { input: reference, encoding: "utf8" }));
  }, 60_000);

  it.each([
    ["residual", "residual"],
    ["residualWhole", "residual"],
    ["residualFsq", "residualFsq"],
    ["multiScalePlain", "multiScalePlain"],
  ] as const)("%s finds the codes of the reference", (theirs, name) => {
    expect(peer[theirs].indices).toEqual(ours[name].indices);
    expectClose(peer[theirs].quantized, ours[name].quantized);
  });

  it("passes the gradient once for each quantizer, or once", () => {
    const { weights } = ours.residual;
    expectClose(peer.residual.gradient, scaled(weights, 3));
    expectClose(peer.residualWhole.gradient, weights);
    // Residual FSQ passes it as often as a residual is not clipped: from never to 3 times.
    const latents = ours.residualFsq.gradients.latents.flat(3);
    const ratios = peer.residualFsq.gradient.flat(3).map((value, i) => value / (latents[i] as number));
    for (const ratio of ratios) expect(ratio).toBeCloseTo(Math.round(ratio), 4);
    expect([...new Set(ratios.map(Math.round))].sort()).toEqual([0, 1, 2, 3]);
  });
});

function scaled(values: number[][][][], factor: number): number[] {
  return values.flat(3).map((value) => factor * value);
}

/** float32 against float64, of numbers near 1. */
function expectClose(got: number[][][][], expected: unknown[]): void {
  const wanted = expected.flat(3) as number[];
  const values = got.flat(3);
  expect(values.length).toBe(wanted.length);
  for (const [i, value] of values.entries()) expect(value).toBeCloseTo(wanted[i] as number, 5);
}
