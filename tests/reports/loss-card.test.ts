import { describe, expect, it } from "vitest";
import { registerQuantizer } from "../../src/quantizers/index.js";
import { lossCard } from "../../src/reports/index.js";
import { resolveRun } from "../../src/training/index.js";

/** As config.json has it. */
function card(quantizer: Record<string, unknown>, loss: unknown = "l2") {
  const config = resolveRun({
    data: "photos/",
    quantizer: quantizer as { kind: string },
    loss: loss as "l2",
  });
  return lossCard(JSON.parse(JSON.stringify(config)));
}

const weights = ({ terms }: ReturnType<typeof lossCard>) => terms.map(({ loss, weight }) => [loss, weight]);

describe("lossCard", () => {
  it("of plain VQ: β on the commitment loss, a codebook that its own loss moves", () => {
    const { terms, codebook, gradient } = card({ kind: "vq", commitmentWeight: 0.5, codebookWeight: 2 });
    expect(terms.map(({ loss, weight, moves }) => [loss, weight, moves])).toEqual([
      ["reconstruction, L2", 1, "the decoder, and through the quantizer the encoder"],
      ["codebook", 2, "the codes that were chosen"],
      ["commitment (β)", 0.5, "the encoder"],
    ]);
    expect(codebook).toMatch(/^Free: /);
    expect(gradient).toMatch(/^Straight-through: /);
  });

  it("of moving averages has no codebook loss", () => {
    const ema = card({ kind: "rotation", codebook: "ema", emaDecay: 0.95, radialGradient: false });
    expect(weights(ema)).toEqual([
      ["reconstruction, L2", 1],
      ["commitment (β)", 0.25],
    ]);
    expect(ema.codebook).toContain("0.95 is kept");
    expect(ema.gradient).toMatch(/^Rotation: .*part along the latent is dropped/);
  });

  it("of SimVQ: the layer moves, the table does not", () => {
    const { terms, codebook, gradient } = card({ kind: "simvq", gradient: "reflection" });
    expect(terms[1]).toMatchObject({
      moves: "the linear layer, and with it every code",
      leaves: "the frozen table, encoder and decoder",
    });
    expect(codebook).toMatch(/^Linear: /);
    expect(gradient).toMatch(/^Reflection: /);
  });

  it("of the unit sphere: both losses are of the latent at length 1", () => {
    const { terms, codebook } = card({ kind: "rotation", codebook: "sphere", codebookWeight: 3 });
    expect(terms.slice(1).map(({ loss, weight, formula }) => [loss, weight, formula])).toEqual([
      ["codebook", 3, "mean (sg[ẑ] − q)²"],
      ["commitment (β)", 0.25, "mean (ẑ − sg[q])²"],
    ]);
    expect(codebook).toMatch(/^Unit sphere: .*ẑ = z\/‖z‖/);
  });

  it("of DiVeQ: the reconstruction moves the codes too, and the quantizer's own losses weigh nothing", () => {
    const { terms, codebook, gradient } = card({ kind: "vq", gradient: "diveq-detach" });
    expect(terms.map(({ loss, weight, moves }) => [loss, weight, moves])).toEqual([
      ["reconstruction, L2", 1, "the decoder, and through the quantizer the encoder and the codes"],
      ["codebook", 0, "the codes that were chosen"],
      ["commitment (β)", 0, "the encoder"],
    ]);
    expect(codebook).toContain("from the codebook loss and the reconstruction");
    expect(gradient).toMatch(/^DiVeQ without noise: /);
    // Moving averages learn from their latents alone.
    const averaged = card({ kind: "vq", gradient: "diveq-detach", codebook: "ema" });
    expect(averaged.terms[0]).toMatchObject({ leaves: "the codebook" });
  });

  it("of FSQ has reconstruction losses alone, each with its weight", () => {
    const fsq = card({ kind: "fsq", levels: [8, 5, 3] }, { l1: 1, ssim: 0.2, huber: 0.5, huberDelta: 0.25 });
    expect(weights(fsq)).toEqual([
      ["reconstruction, L1", 1],
      ["reconstruction, Huber", 0.5],
      ["reconstruction, SSIM", 0.2],
    ]);
    expect(fsq.terms[1]?.formula).toContain("δ = 0.25");
    expect(fsq.codebook).toContain("8 × 5 × 3 levels");
  });

  it("keeps a weight of 0 of the quantizer, which is recorded and not minimised", () => {
    expect(weights(card({ kind: "vq", commitmentWeight: 0 }))).toContainEqual(["commitment (β)", 0]);
  });

  it("takes what a quantizer of one's own says of itself, losses by any name", () => {
    registerQuantizer({
      kind: "described",
      summary: "Says what it is",
      options: [],
      parse: (value) => value as { kind: "described"; gamma: number },
      create: () => {
        throw new Error("not built in this test");
      },
      facts: ({ gamma }) => ({
        codebookSize: 4,
        numbers: 0,
        codebook: "Four corners.",
        gradient: "None passes.",
        losses: [
          {
            name: "entropy",
            symbol: "γ",
            weight: gamma,
            formula: "H(p)",
            moves: "the encoder",
            leaves: "the rest",
          },
          { name: "spread", weight: 0, formula: "var z", moves: "the encoder", leaves: "the rest" },
        ],
        learning: "never",
        learnsFromReconstruction: true,
        comparesLengths: false,
      }),
    });
    const own = lossCard({ quantizer: { kind: "described", gamma: 0.125 }, loss: { l1: 1 } });
    expect(weights(own)).toEqual([
      ["reconstruction, L1", 1],
      ["entropy (γ)", 0.125],
      ["spread", 0],
    ]);
    expect(own.terms[0]).toMatchObject({
      moves: expect.stringMatching(/ and the codes$/),
      leaves: "nothing",
    });
    expect([own.codebook, own.gradient]).toEqual(["Four corners.", "None passes."]);
  });

  it("does not guess at options of another version", () => {
    const later = lossCard({ quantizer: { kind: "vq", temperature: 2 }, loss: { l2: 1 } });
    expect(weights(later)).toEqual([["reconstruction, L2", 1]]);
    expect(later.codebook).toBe('Of "vq", with options that are not of this version.');
  });

  it("says no more of an unknown quantizer than it knows", () => {
    const own = lossCard({ quantizer: { kind: "mine" }, loss: { l2: 1 } });
    expect(weights(own)).toEqual([["reconstruction, L2", 1]]);
    expect(own.codebook).toBe('Of a quantizer of its own, "mine": see its code.');
    expect(lossCard({}).terms).toEqual([]);
  });
});
