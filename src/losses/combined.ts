import type { Scalar } from "../tf/index.js";
import type { Objective } from "./objective.js";

/** Several objectives as one: their terms together, in order. */
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
      const values = objectives.map((each) => each.evaluate(pass, inputsOf(each.name, inputs)));
      return {
        terms: values.flatMap(({ terms }) => terms),
        figures: Object.assign({}, ...values.map(({ figures }) => figures)) as Record<string, Scalar>,
      };
    },
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
