import { objectiveCards } from "../losses/registry/index.js";

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
 * computed. Of quantizers of one's own it can say the reconstruction losses only.
 *
 * @param config as config.json has it; fields that are missing leave their lines out
 */
export function lossCard({ loss, objectives, quantizer }: Fields): LossCard {
  const own = fieldsOf(quantizer);
  const { codebook, gradient } = sidesOf(own);
  return {
    terms: [...reconstructionTerms(fieldsOf(loss)), ...quantizerTerms(own), ...objectiveCards(objectives)],
    codebook,
    gradient,
  };
}

function reconstructionTerms(weights: Fields): LossTerm[] {
  const formulas = {
    l1: "mean |x − x̂|",
    l2: "mean (x − x̂)²",
    huber: `mean Huber loss of x − x̂, δ = ${String(weights.huberDelta)}`,
    ssim: "1 − mean SSIM of x and x̂",
  };
  return Object.entries(formulas).flatMap(([name, formula]) => {
    const weight = weights[name];
    if (typeof weight !== "number" || weight === 0) return [];
    return {
      loss: `reconstruction, ${name === "huber" ? "Huber" : name.toUpperCase()}`,
      weight,
      formula: `${formula}; pixels in −1..1`,
      moves: "the decoder, and through the quantizer the encoder",
      leaves: "the codebook",
    };
  });
}

function quantizerTerms({ commitmentWeight, codebookWeight, codebook }: Fields): LossTerm[] {
  const terms: LossTerm[] = [];
  if (typeof codebookWeight === "number") {
    terms.push({
      loss: "codebook",
      weight: codebookWeight,
      formula: "mean (sg[z] − q)²",
      moves:
        codebook === "linear" ? "the linear layer, and with it every code" : "the codes that were chosen",
      leaves: codebook === "linear" ? "the frozen table, encoder and decoder" : "encoder and decoder",
    });
  }
  if (typeof commitmentWeight === "number") {
    terms.push({
      loss: "commitment (β)",
      weight: commitmentWeight,
      formula: "mean (z − sg[q])²",
      moves: "the encoder",
      leaves: "codebook and decoder",
    });
  }
  return terms;
}

/** One sentence each. */
function sidesOf({ kind, codebook, gradient, emaDecay, levels, radialGradient }: Fields): {
  readonly codebook: string;
  readonly gradient: string;
} {
  if (kind === "fsq") {
    const sides = Array.isArray(levels) ? `, ${levels.join(" × ")} levels` : "";
    return {
      codebook: `Implicit: each dimension is bounded by tanh and rounded${sides}. There is nothing to learn, and no loss of its own.`,
      gradient: "Straight-through: rounding passes the gradient unchanged; the bound before it does not.",
    };
  }
  const radial =
    radialGradient === false
      ? "; its part along the latent is dropped, as in the paper's released VQGAN files"
      : "";
  const codebooks: Readonly<Record<string, string>> = {
    free: "Free: a table that learns by gradient, from the codebook loss alone. A code that is not chosen does not move.",
    ema: `Moving averages: each code is the running mean of its latents, of which ${String(emaDecay)} is kept at each step. No loss moves it.`,
    linear:
      "Linear: a frozen random table times one linear layer that learns from the codebook loss. Every step moves every code.",
  };
  const gradients: Readonly<Record<string, string>> = {
    "straight-through": "Straight-through: the gradient at the code is copied to the latent unchanged.",
    rotation: `Rotation: the gradient at the code is turned back and rescaled as the code lies to its latent${radial}.`,
    reflection:
      "Reflection: as rotation, but by one reflection that carries the latent's direction to the code's.",
  };
  const unknown = `Of a quantizer of its own, ${JSON.stringify(kind ?? "unnamed")}: see its code.`;
  return {
    codebook: codebooks[String(codebook)] ?? unknown,
    gradient: gradients[String(gradient)] ?? unknown,
  };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
