import { z } from "zod";
import { parseConfig } from "../../src/core/config.js";
import type { ModelPass, Module, Objective } from "../../src/losses/index.js";
import { type ObjectiveDefinition, registerObjective } from "../../src/losses/registry/index.js";
import { createOptimizer } from "../../src/nn/optimizer/index.js";
import * as tf from "../../src/tf/index.js";

const schema = z.strictObject({
  kind: z.literal("toy-critic"),
  every: z.int().min(1).default(2),
  /** The model's own term begins at this step and rises by 0.01 a step; null has none. */
  adversarialFrom: z.int().nullable().default(null),
  /** The step at which the critic's loss is not finite, once; 0 for never. */
  poisonedStep: z.int().default(0),
  module: z.string().default("critic"),
});

type Config = Readonly<z.output<typeof schema>>;
type Score = (images: tf.Tensor4D) => tf.Tensor;

/** One convolution that scores patches of 4×4 pixels: real above 1, reconstructed below −1. */
export const toyCritic: ObjectiveDefinition<Config> = {
  kind: "toy-critic",
  summary: "A discriminator of one layer, for tests",
  parse: (value, where) => parseConfig(schema, value, where),
  create: ({ every, adversarialFrom, poisonedStep, module }, { random }) => {
    const values = random.fill(4 * 4 * 3, (r) => r.uniform(-0.2, 0.2));
    const kernel = tf.tidy(() => tf.variable(tf.tensor4d(values, [4, 4, 3, 1])));
    const bias = tf.tidy(() => tf.variable(tf.zeros([1])));
    const critic: Module = {
      name: module,
      variables: () =>
        new Map<string, tf.Variable>([
          ["kernel", kernel as tf.Variable],
          ["bias", bias as tf.Variable],
        ]),
      dispose: () => tf.dispose([kernel, bias]),
    };
    const score: Score = (images) => tf.add(tf.conv2d(images, kernel as tf.Tensor4D, 4, "valid"), bias);
    const variables = new Map([...critic.variables()].map(([own, each]) => [`${module}/${own}`, each]));
    const adam = { kind: "adam", beta1: 0.5, beta2: 0.9, epsilon: 1e-8, weightDecay: 0 } as const;
    return {
      ofModel: adversarialFrom === null ? null : adversarial(score, adversarialFrom),
      phases: [
        {
          name: module,
          objective: hinge(score, critic, poisonedStep),
          variables,
          optimizer: createOptimizer(variables, adam),
          every,
          learningRate: () => 0.01,
        },
      ],
    };
  },
  card: ({ every }) => [
    {
      loss: "critic, hinge",
      weight: 1,
      formula: "mean max(0, 1 − s(x)) + mean max(0, 1 + s(x̂))",
      moves: `the critic, at every step that ${every} divides`,
      leaves: "the model",
    },
  ],
};

function hinge(score: Score, critic: Module, poisonedStep: number): Objective {
  let isPoisoned = false;
  return {
    name: "hinge",
    modules: [critic],
    repeatable: true,
    inputs: (step) => {
      const isNow = step === poisonedStep && !isPoisoned;
      isPoisoned ||= isNow;
      return { poison: isNow ? Number.NaN : 0 };
    },
    evaluate: ({ pixels, reconstruction }: ModelPass, { poison }) => {
      const real = tf.mean(tf.relu(tf.sub(1, score(pixels))));
      const fake = tf.mean(tf.relu(tf.add(1, score(reconstruction))));
      const value = tf.add(tf.add(real, fake), poison as tf.Scalar) as tf.Scalar;
      return { terms: [{ name: "hinge", value, weight: 1 }], figures: {} };
    },
  };
}

/** What the model minimises to please the critic. */
function adversarial(score: Score, from: number): Objective {
  return {
    name: "adversarial",
    modules: [],
    repeatable: true,
    inputs: (step) => ({ weight: 0.01 * Math.max(0, step - from + 1) }),
    evaluate: ({ reconstruction }, { weight }) => ({
      terms: [
        {
          name: "adversarial",
          value: tf.neg(tf.mean(score(reconstruction))) as tf.Scalar,
          weight: weight as tf.Scalar,
        },
      ],
      figures: {},
    }),
  };
}

registerObjective(toyCritic);
