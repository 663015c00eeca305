import { z } from "zod";
import { parseConfig } from "../../core/config.js";
import type { ObjectiveCard, ObjectiveDescription } from "../registry/definition.js";

/** How logits become losses. */
export const adversarialLosses = ["hinge", "logistic", "least-squares"] as const;
export type AdversarialLoss = (typeof adversarialLosses)[number];

/** What stands between the convolutions of a discriminator. */
export const discriminatorNorms = ["batch", "none", "spectral"] as const;
export type DiscriminatorNorm = (typeof discriminatorNorms)[number];

const positive = z.number().positive();
const fraction = z.number().min(0).lt(1);

const schema = z.strictObject({
  kind: z.literal("adversarial"),
  /** "hinge"; "logistic": non-saturating, by softplus; "least-squares". */
  loss: z.enum(adversarialLosses).default("hinge"),
  /** Of the model's term; what it is multiplied by beside an adaptive weight. taming's and VQGAN's. */
  weight: z.number().min(0).default(0.8),
  /** Whether the weight follows the gradients at the decoder's last layer, as in VQGAN; false: the weight is fixed. */
  adaptive: z.boolean().default(true),
  /** The first step at which the model has the term, >= 1. */
  start: z.int().min(1).default(1),
  /** Steps before it in which the discriminator learns alone, >= 0. */
  warmup: z.int().min(0).default(0),
  /** The discriminator learns at every step that this divides. */
  every: z.int().min(1).default(1),
  /** PatchGAN's: `layers` halvings, `width` channels after the first, twice as many after each, at most 8 times. */
  discriminator: z
    .strictObject({
      width: z.int().min(1).default(64),
      layers: z.int().min(1).max(6).default(3),
      norm: z.enum(discriminatorNorms).default("batch"),
    })
    .prefault({}),
  /** Peak learning rate of the discriminator, on the run's schedule; null is the model's. */
  learningRate: positive.nullable().default(null),
  /** Adam's. */
  beta1: fraction.default(0.5),
  beta2: fraction.default(0.9),
  /** Largest global norm of the discriminator's gradients; null is off. */
  gradientClip: positive.nullable().default(null),
  /** γ of the R1 penalty, γ/2·‖∇ₓD(x)‖² at images; 0 is off. */
  r1Weight: z.number().min(0).default(0),
  /** The penalty at every so many of the discriminator's updates, times as many. */
  r1Every: z.int().min(1).default(1),
  /** Of LeCam's regularisation; 0 is off. */
  lecamWeight: z.number().min(0).default(0),
  /** Of its running means of logits, per update of the discriminator. */
  lecamDecay: fraction.default(0.999),
});

/** Options of the adversarial objective with every default written out. JSON. */
export type AdversarialConfig = Readonly<z.output<typeof schema>>;

/** The first step at which the discriminator learns. */
export function discriminatorStart({ start, warmup }: Pick<AdversarialConfig, "start" | "warmup">): number {
  return Math.max(1, start - warmup);
}

const modelFormulas: Readonly<Record<AdversarialLoss, string>> = {
  hinge: "−mean D(x̂)",
  logistic: "mean softplus(−D(x̂))",
  "least-squares": "½ mean (D(x̂) − 1)²",
};

const discriminatorFormulas: Readonly<Record<AdversarialLoss, string>> = {
  hinge: "½ (mean max(0, 1 − D(x)) + mean max(0, 1 + D(x̂)))",
  logistic: "½ (mean softplus(−D(x)) + mean softplus(D(x̂)))",
  "least-squares": "½ (mean (D(x) − 1)² + mean D(x̂)²)",
};

function card(config: AdversarialConfig): ObjectiveCard[] {
  const { loss, weight, adaptive, start, every, r1Weight, r1Every, lecamWeight } = config;
  const own = { moves: "the discriminator", leaves: "the model" };
  const begins = discriminatorStart(config);
  const when = `${begins > 1 ? ` from step ${begins}` : ""}${every > 1 ? `, at every step that ${every} divides` : ""}`;
  return [
    {
      loss: `adversarial, ${loss}`,
      weight: adaptive ? null : weight,
      formula: `${modelFormulas[loss]}${adaptive ? `, times ${weight}·λ, λ = ‖∇ of the image losses‖ / (‖∇ of this‖ + 10⁻⁴) at the decoder's last layer` : ""}`,
      moves: `encoder, decoder${start > 1 ? ` from step ${start}` : ""}`,
      leaves: "the discriminator",
    },
    {
      loss: `discriminator, ${loss}`,
      weight: 1,
      formula: discriminatorFormulas[loss],
      ...own,
      moves: `${own.moves}${when}`,
    },
    ...(r1Weight > 0
      ? [
          {
            loss: "R1",
            weight: r1Weight * r1Every,
            formula: `½ mean ‖∇ₓ D(x)‖²${r1Every > 1 ? `, at every update that ${r1Every} divides` : ""}`,
            ...own,
          },
        ]
      : []),
    ...(lecamWeight > 0
      ? [
          {
            loss: "LeCam",
            weight: lecamWeight,
            formula: "mean max(0, D(x) − α̂)² + mean max(0, α − D(x̂))², α, α̂ running means of D(x), D(x̂)",
            ...own,
          },
        ]
      : []),
  ];
}

/** An adversary that tells images from reconstructions, and the loss of the model that it tells apart. */
export const adversarialDescription: ObjectiveDescription<AdversarialConfig> = {
  kind: "adversarial",
  summary: "A PatchGAN discriminator, and what the model minimises to mislead it",
  parse: (value, where) => parseConfig(schema, value, where),
  // After all halvings a side of 3 is left for the two convolutions that take one each.
  smallestSide: ({ discriminator: { layers } }) => 3 * 2 ** layers,
  card,
};
