import { ConfigError } from "../core/errors.js";
import { unknownName } from "../core/suggest.js";
import type { ObjectiveConfig } from "../losses/registry/index.js";
import { type QuantizerConfig, undecidedRecommendation } from "../quantizers/index.js";
import { type Given, type PublishedSettings, publishedRecipes, withPublished } from "./published-recipes.js";

/** A named set of settings: what a run has of what it does not say itself. */
export interface Recipe {
  readonly name: string;
  /** What it sets of the quantizer that a run gives; nothing for options that are decided already. */
  quantizer(given: Given): Given;
  /**
   * A run's options with those of the recipe where they say nothing.
   *
   * @param images that a step is made of
   */
  run(options: Given, images: number): Given;
  /** What that makes of a run, in a sentence. @param config resolved */
  effect(config: RecipeView): string;
}

/** What a recipe looks at of a run. */
export interface RecipeView {
  readonly quantizer: QuantizerConfig;
  readonly objectives: readonly ObjectiveConfig[];
}

/** Each quantizer with what its definition recommends: docs/architecture.md has the figures. */
const recommended: Recipe = {
  name: "recommended",
  quantizer: (given) => undecidedRecommendation(given)?.options ?? {},
  run: (options) => options,
  effect: ({ quantizer: { kind, ...config } }) => {
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
  run: (options) => options,
  effect: ({ quantizer: { kind } }) => `${kind} as in its paper where nothing else is said`,
};

/** As a published tokenizer is trained. */
function published(name: string, settings: PublishedSettings): Recipe {
  return {
    name,
    quantizer: () => ({}),
    run: (options, images) => withPublished(options, settings, images),
    effect: ({ objectives }) => {
      const hasFeatures = objectives.some(({ kind }) => kind === "perceptual");
      const lacking = hasFeatures ? "" : "; without its perceptual loss, for which the run names no files";
      return `as in ${settings.source}, where nothing else is said${lacking}. Otherwise there: ${settings.differs.replace(/^there /, "")}`;
    },
  };
}

/** All there are. */
const recipes: readonly Recipe[] = [
  recommended,
  paper,
  ...Object.entries(publishedRecipes).map(([name, settings]) => published(name, settings)),
];

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
