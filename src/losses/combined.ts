import type { Scalar } from "../tf/index.js";
import * as tf from "../tf/index.js";
import { balancedTerms, weightedSum } from "./balance.js";
import type { ModelPass, Objective, ObjectiveTerm, ObjectiveValue } from "./objective.js";

/** Several objectives as one: their terms together, in order; balanced ones after those that they are weighed against. */
export function combined(name: string, objectives: readonly Objective[]): Objective {
  return {
    name,
    modules: [...new Set(objectives.flatMap(({ modules }) => modules))],
    repeatable: objectives.every(({ repeatable }) => repeatable),
    inputs: (step) => {
      const named = objectives.flatMap((each) =>
        Object.entries(each.inputs(step)).map(([input, value]) => [`${each.name}/${input}`, value]),
      );
      return Object.fromEntries(named) as Record<string, number>;
    },
    evaluate: (pass, inputs) => {
      const values = objectives.map((each) => ({
        images: each.images,
        ...each.evaluate(pass, inputsOf(each.name, inputs)),
      }));
      return together(pass, values);
    },
  };
}

type Evaluated = ObjectiveValue & { readonly images: Objective["images"] };

function together(pass: ModelPass, values: readonly Evaluated[]): ObjectiveValue {
  const figures = Object.assign({}, ...values.map((each) => each.figures)) as Record<string, Scalar>;
  const updates = values.flatMap((each) => each.updates ?? []);
  const termsOf = (images: Objective["images"]): ObjectiveTerm[] =>
    values.filter((each) => each.images === images).flatMap(({ terms }) => terms);
  const balanced = termsOf("balanced");
  if (balanced.length === 0) return { terms: values.flatMap(({ terms }) => terms), figures, updates };
  const others = termsOf(undefined);
  const ofImages = balancedTerms(pass, { plain: termsOf("plain"), balanced });
  return {
    terms: [...ofImages.terms, ...others],
    figures: { ...figures, ...ofImages.figures },
    updates,
    total: others.length === 0 ? ofImages.total : tf.add(ofImages.total, weightedSum(others)),
  };
}

function inputsOf(name: string, inputs: Readonly<Record<string, Scalar>>): Record<string, Scalar> {
  const prefix = `${name}/`;
  return Object.fromEntries(
    Object.entries(inputs).flatMap(([input, scalar]) =>
      input.startsWith(prefix) ? [[input.slice(prefix.length), scalar]] : [],
    ),
  );
}
