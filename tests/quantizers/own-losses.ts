import {
  createQuantizer,
  type Quantizer,
  type QuantizerConfig,
  type QuantizerDefinition,
  stopGradient,
} from "../../src/quantizers/index.js";
import * as tf from "../../src/tf/index.js";

interface OwnLossConfig extends QuantizerConfig {
  readonly codebookSize: number;
  readonly codeDim: number;
  readonly weights: Readonly<Record<string, number>>;
}

/**
 * Plain VQ with three losses that vqkit does not know: `orthogonal` moves the codes, `length` the latents, `spread2`
 * both of them. Weights are given by name; an absent one is left out of `lossWeights`.
 */
export const ownLosses: QuantizerDefinition<OwnLossConfig> = {
  kind: "own-losses",
  summary: "VQ with losses of its own",
  options: [],
  parse: (value) => value as OwnLossConfig,
  create: (config, random): Quantizer => {
    const { codebookSize, codeDim, weights } = config;
    const vq = createQuantizer(
      { kind: "vq", codebookSize, codeDim, initialization: "normal" },
      random.integer(1000),
    );
    return {
      config,
      codebookSize,
      numCodebooks: 1,
      codeDim,
      lossWeights: { ...vq.lossWeights, ...weights },
      latentsForInitialization: 0,
      quantize: (latents) =>
        tf.tidy(() => {
          const { losses, ...output } = vq.quantize(latents);
          const codes = vq.variables().get("codes") as tf.Variable<tf.Rank.R2>;
          const products = tf.matMul(codes, codes, false, true); // [K, K]
          const own = {
            orthogonal: tf.mean(tf.square(tf.sub(products, tf.eye(codebookSize)))) as tf.Scalar,
            length: tf.mean(tf.square(latents)) as tf.Scalar,
            spread2: tf.mul(
              tf.mean(tf.square(tf.sub(latents, stopGradient(tf.mean(latents))))),
              tf.mean(tf.square(codes)),
            ) as tf.Scalar,
          };
          return { ...output, losses: { ...losses, ...own } };
        }),
      indicesToCodes: (indices) => vq.indicesToCodes(indices),
      initialize: async () => {},
      updateCodebook: () => {},
      variables: () => vq.variables(),
      dispose: () => vq.dispose(),
    };
  },
};
