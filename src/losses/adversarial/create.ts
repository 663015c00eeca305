import { Network } from "../../nn/index.js";
import { createOptimizer } from "../../nn/optimizer/index.js";
import * as tf from "../../tf/index.js";
import type { ModelPass, Module, Objective, ObjectiveTerm, StateUpdate } from "../objective.js";
import { namedVariables, type Phase, updateAt } from "../phase.js";
import type { ObjectiveContext, ObjectiveParts } from "../registry/definition.js";
import { discriminatorLayers } from "./discriminator.js";
import { lecam, logitLosses, r1Penalty } from "./logits.js";
import { type AdversarialConfig, discriminatorStart } from "./options.js";

/** The phase, its module, and the first part of the names of its figures. */
const NAME = "discriminator";
const MEAN_REAL = "lecam/images";
const MEAN_RECONSTRUCTED = "lecam/reconstructions";

/** A discriminator with all that a checkpoint keeps of it. */
interface Adversary extends Module {
  readonly network: Network;
  /** Running means of logits; null where they are not used. */
  readonly means: { readonly real: tf.Variable; readonly reconstructed: tf.Variable } | null;
}

/** Makes the discriminator with fresh weights, its phase, and the model's term. */
export function createAdversarial(config: AdversarialConfig, context: ObjectiveContext): ObjectiveParts {
  const adversary = createAdversary(config, context);
  const variables = new Map([...namedVariables(adversary)].filter(([, { trainable }]) => trainable));
  const { learningRate: peak, beta1, beta2, gradientClip, every } = config;
  const timing = { every, from: discriminatorStart(config) };
  const adam = { kind: "adam", beta1, beta2, epsilon: 1e-8, weightDecay: 0 } as const;
  const phase: Phase = {
    name: NAME,
    objective: discriminatorObjective(adversary, config, timing),
    variables,
    optimizer: createOptimizer(variables, adam, gradientClip),
    ...timing,
    learningRate: (step) =>
      peak === null ? context.learningRate(step) : peak * context.learningRateFraction(step),
  };
  return { ofModel: modelObjective(adversary, config), phases: [phase] };
}

function createAdversary(config: AdversarialConfig, { random }: ObjectiveContext): Adversary {
  const network = Network.create(discriminatorLayers(config.discriminator), {
    seed: random.integer(2 ** 31),
  });
  const mean = () => tf.tidy(() => tf.variable(tf.scalar(0), false));
  const means = config.lecamWeight > 0 ? { real: mean(), reconstructed: mean() } : null;
  const state =
    means &&
    ([
      [MEAN_REAL, means.real],
      [MEAN_RECONSTRUCTED, means.reconstructed],
    ] as const);
  return {
    name: NAME,
    network,
    means,
    variables: () => new Map([...network.variables(), ...(state ?? [])]),
    dispose() {
      network.dispose();
      tf.dispose([means?.real ?? [], means?.reconstructed ?? []]);
    },
  };
}

/** What the discriminator minimises: it tells the images of a pass from their reconstructions. */
function discriminatorObjective(
  adversary: Adversary,
  config: AdversarialConfig,
  timing: Pick<Phase, "every" | "from">,
): Objective {
  const { network } = adversary;
  const { real: realLoss, reconstructed: reconstructedLoss, border } = logitLosses[config.loss];
  const { r1Weight, r1Every, lecamDecay } = config;
  return {
    name: NAME,
    modules: [adversary],
    repeatable: true,
    inputs(step) {
      const update = updateAt(timing, step) ?? 0;
      return {
        // The first update has no means yet: it takes its own whole.
        ...(adversary.means !== null && { lecamShare: update <= 1 ? 1 : 1 - lecamDecay }),
        ...(r1Weight > 0 && update % r1Every === 0 && { r1Weight: r1Weight * r1Every }),
      };
    },
    evaluate({ pixels, reconstruction }, inputs) {
      // Two passes one after the other, images first, as statistics of the batch are of each kind alone.
      const ofImages = network.applyTraining(pixels);
      const ofModel = network.applyTraining(reconstruction, { after: ofImages.statistics });
      const [real, reconstructed] = [ofImages.output, ofModel.output];
      const updates: StateUpdate[] = Object.entries(ofModel.statistics).map(([name, value]) => ({
        variable: network.variables().get(name) as tf.Variable,
        value,
      }));
      const terms: ObjectiveTerm[] = [
        { name: "realPatches", value: realLoss(real) as tf.Scalar, weight: 0.5 },
        { name: "reconstructedPatches", value: reconstructedLoss(reconstructed) as tf.Scalar, weight: 0.5 },
      ];
      if (inputs.r1Weight !== undefined) {
        terms.push({ name: "r1", value: r1Penalty(pixels, real), weight: inputs.r1Weight });
      }
      if (adversary.means !== null) {
        const moved = movedMeans(adversary.means, [real, reconstructed], inputs.lecamShare as tf.Scalar);
        const [meanReal, meanReconstructed] = moved.map(({ value }) => value) as [tf.Tensor, tf.Tensor];
        const value = lecam({ real, reconstructed, meanReal, meanReconstructed });
        terms.push({ name: "lecam", value, weight: config.lecamWeight });
        updates.push(...moved);
      }
      const figures = {
        discriminatorRealAccuracy: share(tf.greater(real, border)),
        discriminatorReconstructedAccuracy: share(tf.lessEqual(reconstructed, border)),
      };
      return { terms, figures, updates };
    },
  };
}

/** The running means with the logits of this update. */
function movedMeans(
  { real, reconstructed }: { readonly real: tf.Variable; readonly reconstructed: tf.Variable },
  logits: readonly [tf.Tensor, tf.Tensor],
  part: tf.Scalar,
): StateUpdate[] {
  return [real, reconstructed].map((variable, i) => ({
    variable,
    value: tf.add(variable, tf.mul(tf.sub(tf.mean(logits[i] as tf.Tensor), variable), part)),
  }));
}

/** What the model minimises to mislead the discriminator; nothing before the start. */
function modelObjective({ network }: Adversary, config: AdversarialConfig): Objective {
  const { loss, weight, adaptive, start } = config;
  return {
    name: "adversarial",
    modules: [],
    repeatable: true,
    images: adaptive ? "balanced" : "plain",
    inputs: (step): Record<string, number> => (step < start ? {} : { isActive: 1 }),
    evaluate({ reconstruction }: ModelPass, { isActive }) {
      if (isActive === undefined) return { terms: [], figures: {} };
      // As it stands: what its running statistics become is the discriminator's phase alone.
      const { output } = network.applyTraining(reconstruction);
      const value = logitLosses[loss].model(output) as tf.Scalar;
      return { terms: [{ name: "adversarial", value, weight }], figures: {} };
    },
  };
}

/** The share of true elements. */
function share(flags: tf.Tensor): tf.Scalar {
  return tf.mean(tf.cast(flags, "float32")) as tf.Scalar;
}
