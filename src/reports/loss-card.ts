import { fieldsOf } from "../core/objects.js";
import { objectiveCards, reconstructionLossFormula } from "../losses/registry/index.js";
import { type QuantizerLoss, quantizerFacts, quantizerKinds } from "../quantizers/family/index.js";

/** What a run minimised: each loss, its weight, and which part of the model it moves. JSON-safe. */
export interface LossCard {
  readonly terms: readonly LossTerm[];
  /** How the codebook is held and learns. */
  readonly codebook: string;
  /** How the gradient of the reconstruction passes the quantizer. */
  readonly gradient: string;
}

/** One weighted loss. */
export interface LossTerm {
  readonly loss: string;
  /** 0: computed and recorded, but not minimised; null where it is not known. */
  readonly weight: number | null;
  readonly formula: string;
  readonly moves: string;
  readonly leaves: string;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The loss card of a run's resolved configuration. Reconstruction losses with weight 0 are left out: they are not
 * computed. Of a quantizer that is not registered here, or does not say, it has the reconstruction losses only.
 *
 * @param config as config.json has it; fields that are missing leave their lines out
 */
export function lossCard({ loss, objectives, quantizer }: Fields): LossCard {
  const facts = quantizerFacts(quantizer);
  const unknown = unknownQuantizer(fieldsOf(quantizer).kind);
  return {
    terms: [
      ...reconstructionTerms(fieldsOf(loss), facts?.learnsFromReconstruction ?? false),
      ...(facts?.losses ?? []).map(quantizerTerm),
      ...objectiveCards(objectives),
    ],
    codebook: facts?.codebook ?? unknown,
    gradient: facts?.gradient ?? unknown,
  };
}

function reconstructionTerms(weights: Fields, movesCodes: boolean): LossTerm[] {
  const ours = {
    l1: "mean |x − x̂|",
    l2: "mean (x − x̂)²",
    huber: `mean Huber loss of x − x̂, δ = ${String(weights.huberDelta)}`,
    ssim: "1 − mean SSIM of x and x̂",
  };
  const others = Object.keys(weights).filter((name) => name !== "huberDelta" && !Object.hasOwn(ours, name));
  const own = others.map((name) => [
    name,
    reconstructionLossFormula(name) ?? "see the code of the module that registers it",
  ]);
  const titles: Fields = { l1: "L1", l2: "L2", huber: "Huber", ssim: "SSIM" };
  return [...Object.entries(ours), ...own].flatMap(([name = "", formula]) => {
    const weight = weights[name];
    if (typeof weight !== "number" || weight === 0) return [];
    return {
      loss: `reconstruction, ${String(titles[name] ?? name)}`,
      weight,
      formula: Object.hasOwn(ours, name) ? `${formula}; pixels in −1..1` : String(formula),
      moves: `the decoder, and through the quantizer the encoder${movesCodes ? " and the codes" : ""}`,
      leaves: movesCodes ? "nothing" : "the codebook",
    };
  });
}

function quantizerTerm({ name, symbol, ...term }: QuantizerLoss): LossTerm {
  return { loss: symbol === undefined ? name : `${name} (${symbol})`, ...term };
}

function unknownQuantizer(kind: unknown): string {
  const name = JSON.stringify(kind ?? "unnamed");
  return quantizerKinds().includes(String(kind))
    ? `Of ${name}, with options that are not of this version.`
    : `Of a quantizer of its own, ${name}: see its code.`;
}
