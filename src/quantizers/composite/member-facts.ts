import type { CodeLearning, QuantizerFacts } from "../facts.js";
import type { QuantizerConfig } from "../quantizer.js";
import { quantizerFacts } from "../registry.js";

/** From the strongest: what holds of all codes together when members differ. */
const LEARNING: readonly CodeLearning[] = ["all", "chosen", "averages", "never"];

/** What a quantizer of several says besides what its members say. */
export interface CompositeCard {
  /** How the members stand together: the sentence before theirs. */
  readonly codebook: string;
  /** How the gradient passes; the first member's facts for reference. */
  readonly gradient: (first: QuantizerFacts) => string;
  /** What the formula of a member's loss is a mean over. */
  readonly mean: string;
}

/** The facts of a quantizer that is made of these; null where one of them has none. */
export function memberFacts(configs: readonly QuantizerConfig[], card: CompositeCard): QuantizerFacts | null {
  const all: QuantizerFacts[] = [];
  for (const config of configs) {
    const facts = quantizerFacts(config);
    if (facts === null) return null;
    all.push(facts);
  }
  const [first] = all as [QuantizerFacts, ...QuantizerFacts[]];
  const sentences = [...new Set(all.map(({ codebook }) => codebook))];
  const losses = new Map(all.flatMap((facts) => facts.losses.map((loss) => [loss.name, loss] as const)));
  return {
    codebookSize: first.codebookSize,
    numCodebooks: all.reduce((sum, { numCodebooks = 1 }) => sum + numCodebooks, 0),
    numbers: all.reduce((sum, { numbers }) => sum + numbers, 0),
    codebook: [card.codebook, ...sentences].join(" "),
    gradient: card.gradient(first),
    losses: [...losses.values()].map((loss) => ({ ...loss, formula: `${loss.formula}, ${card.mean}` })),
    learning: LEARNING.find((each) => all.some(({ learning }) => learning === each)) ?? "never",
    learnsFromReconstruction: all.some((facts) => facts.learnsFromReconstruction),
    comparesLengths: false,
  };
}
