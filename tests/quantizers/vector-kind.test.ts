import { describe, expect, it } from "vitest";
import { codebookParts, estimatorParts } from "../../src/quantizers/family/parts.js";
import { type VectorPoint, vectorKinds } from "../../src/quantizers/vector-kind.js";

const paper = { title: "A paper", arxiv: "0000.00000" };
const plain: VectorPoint = {
  kind: "plain",
  summary: "Named after no part",
  paper,
  codebook: "free",
  gradient: "straight-through",
  initialization: "data",
};
const averaged: VectorPoint = {
  ...plain,
  kind: "averaged",
  codebook: "ema",
  gradient: "reflection",
  initialization: "kmeans",
  namedAfter: { codebook: ["ema"] },
};
const turned: VectorPoint = {
  ...plain,
  kind: "turned",
  codebook: "linear",
  gradient: "reflection",
  namedAfter: { gradient: ["rotation", "reflection"] },
};

const names = (parts: readonly { readonly name: string }[]) => parts.map(({ name }) => name);
const without = (all: readonly string[], ...left: string[]) => all.filter((name) => !left.includes(name));

/** The names that a kind takes on each axis, in order. */
function taken(point: VectorPoint, all: readonly VectorPoint[]) {
  const options = vectorKinds(all).find(({ kind }) => kind === point.kind)?.options ?? [];
  const choices = (axis: string) => names(options.find(({ name }) => name === axis)?.choices ?? []);
  return { codebooks: choices("codebook"), gradients: choices("gradient") };
}

describe("a named point of the grid", () => {
  const all = [plain, averaged, turned];
  const [codebooks, gradients] = [names(codebookParts), names(estimatorParts)];

  it("takes the parts that it is named after on their axis, and all on the other, its default first", () => {
    expect(taken(averaged, all)).toEqual({
      codebooks: ["ema"],
      gradients: ["reflection", ...without(gradients, "reflection")],
    });
    expect(taken(turned, all)).toEqual({
      codebooks: ["linear", ...without(codebooks, "linear")],
      gradients: ["reflection", "rotation"],
    });
  });

  it("takes what no other is named after, if it is named after none itself", () => {
    expect(taken(plain, all)).toEqual({
      codebooks: without(codebooks, "ema"),
      gradients: without(gradients, "rotation", "reflection"),
    });
    expect(taken(plain, [plain])).toEqual({ codebooks, gradients });
  });

  it("resolves to its own defaults, each once, and to nothing else a second time", () => {
    const parse = (kind: string, config: object = {}) =>
      vectorKinds(all)
        .find((definition) => definition.kind === kind)
        ?.parse({ kind, ...config });
    const resolved = parse("averaged", { emaDecay: 0.5 });
    expect(resolved).toEqual({
      kind: "averaged",
      codebookSize: 1024,
      codeDim: 64,
      codebook: "ema",
      gradient: "reflection",
      initialization: "kmeans",
      commitmentWeight: 0.25,
      emaDecay: 0.5,
      emaEpsilon: 1e-5,
      replaceBelow: 0,
      replaceEvery: 10,
      replaceAfter: 0,
      replaceDecay: 0.9,
    });
    expect(parse("averaged", resolved)).toEqual(resolved);
    // Options of parts that a kind does not take are unknown to it.
    expect(() => parse("averaged", { linearBias: true })).toThrow(/unknown key "linearBias"/);
    // The plain kind takes the moving averages on the sphere, which no kind is named after.
    expect(() => parse("plain", { emaDecay: 0.5 })).toThrow(/only "ema-sphere" reads it/);
  });

  it("is refused where it does not take its own default", () => {
    const contradictory: VectorPoint = { ...plain, namedAfter: { gradient: ["rotation"] } };
    expect(() => vectorKinds([contradictory])).toThrow(/does not take its own gradient, straight-through/);
    expect(() => vectorKinds([{ ...plain, codebook: "ema" }, averaged])).toThrow(/its own codebook, ema/);
  });
});
