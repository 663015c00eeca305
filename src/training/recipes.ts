import { ConfigError } from "../core/errors.js";
import { unknownName } from "../core/suggest.js";
import { type QuantizerConfig, undecidedRecommendation } from "../quantizers/index.js";

/** Options of a quantizer, not yet trusted. */
type Given = Readonly<Record<string, unknown>>;

/** A named set of settings: what a run has of what it does not say itself. */
export interface Recipe {
  readonly name: string;
  /** What it sets of the quantizer that a run gives; nothing for options that are decided already. */
  quantizer(given: Given): Given;
  /** What that makes of a run with this quantizer, in half a sentence. @param config resolved */
  effect(config: QuantizerConfig): string;
}

/** Each quantizer with what its definition recommends: docs/architecture.md has the figures. */
const recommended: Recipe = {
  name: "recommended",
  quantizer: (given) => undecidedRecommendation(given)?.options ?? {},
  effect: ({ kind, ...config }) => {
    const recommendation = undecidedRecommendation({ kind });
    const isSet = Object.entries(recommendation?.options ?? {}).every(
      ([name, value]) => config[name] === value,
    );
    if (recommendation === null || !isSet) return `${kind} has its paper's settings, or its own`;
    return `${kind} has ${recommendation.reason}`;
  },
};

/** Each quantizer as in its paper, which its definition names: the defaults of its options. */
const paper: Recipe = {
  name: "paper",
  quantizer: () => ({}),
  effect: ({ kind }) => `${kind} as in its paper where nothing else is said`,
};

/** All there are. */
const recipes: readonly Recipe[] = [recommended, paper];

/** The recipe of a run that names none. */
export const DEFAULT_RECIPE = recommended;

/** The names of all recipes. */
const recipeNames: readonly string[] = recipes.map(({ name }) => name);

/** @throws ConfigError at `recipe` for a name that no recipe has */
export function recipeNamed(name: string): Recipe {
  const found = recipes.find((recipe) => recipe.name === name);
  if (found === undefined) throw new ConfigError("recipe", unknownName("recipe", name, recipeNames));
  return found;
}
