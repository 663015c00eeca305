/**
 * Quantizers without a table: the codes are all points of a grid, and an index is the point's digits read as one number,
 * the first dimension least significant.
 *
 * Shapes: levels [8, 6, 5] take latents [N, H, W, 3] to quantized [N, H, W, 3] and indices [N, H, W, 1] in 0..239.
 */

import type { GraphWriter } from "../../backend/index.js";
import type { Tensor4D, Variable } from "../../tf/index.js";
import { withoutGradient } from "../gradients/stop-gradient.js";
import { straightThrough } from "../gradients/straight-through.js";
import { gridSize } from "../levels.js";
import { digitsToIndices, indicesToDigits, placeValues } from "../mixed-radix.js";
import type { OnnxQuantizer } from "../onnx/onnx-quantizer.js";
import type {
  Quantizer,
  QuantizerConfig,
  QuantizerLossName,
  QuantizerOutput,
  TrainingInputs,
} from "../quantizer.js";
import { checkIndices, checkLatents } from "../shapes.js";
import { tf } from "../tfjs.js";
import type { GridRule } from "./grid-rule.js";

/** Any rule as a quantizer. It has no variables, and its codebook of Π levels rows is never built. */
export class GridQuantizer implements Quantizer {
  readonly config: QuantizerConfig;
  readonly codebookSize: number;
  readonly numCodebooks = 1;
  readonly codeDim: number;
  readonly lossWeights: Readonly<Record<QuantizerLossName, number>>;
  readonly latentsForInitialization = 0;
  readonly repeatable = true;
  readonly pruning = {
    refusal: "whose codes are all points of a grid: none can be taken out. Train it with a smaller grid",
  };
  readonly trainingInputs?: NonNullable<Quantizer["trainingInputs"]>;
  readonly #rule: GridRule;

  constructor(config: QuantizerConfig, rule: GridRule) {
    this.config = config;
    this.codebookSize = gridSize(rule.levels);
    this.codeDim = rule.levels.length;
    this.lossWeights = rule.lossWeights;
    this.#rule = rule;
    const { training } = rule;
    if (training !== undefined) this.trainingInputs = (draw) => training.draw(draw);
  }

  quantize(latents: Tensor4D, training?: TrainingInputs): QuantizerOutput {
    checkLatents(latents, this.codeDim);
    return tf.tidy(() => {
      const rule = this.#rule;
      const placed = rule.place(latents);
      const { digits, smooth } = placed;
      const codes = rule.values(digits);
      const noisy = rule.training;
      const value =
        training === undefined || noisy === undefined
          ? codes
          : withoutGradient(() => noisy.value(placed, codes, training));
      return {
        quantized: straightThrough(smooth, value),
        indices: digitsToIndices(digits, rule.levels) as Tensor4D,
        losses: rule.losses(latents, codes, smooth),
      };
    });
  }

  indicesToCodes(indices: Tensor4D): Tensor4D {
    checkIndices(indices, this.numCodebooks);
    return tf.tidy(() => this.#rule.values(indicesToDigits(indices, this.#rule.levels)));
  }

  async initialize(): Promise<void> {}

  updateCodebook(): void {}

  async onnx(): Promise<OnnxQuantizer> {
    const rule = this.#rule;
    const { levels } = rule;
    const constant = (g: GraphWriter, name: string, values: readonly number[]) =>
      g.constant(name, Int32Array.from(values), [values.length]);
    return {
      metadata: { levels: levels.join() },
      writeEncoder(g, latents) {
        const digits = rule.writeDigits(g, latents);
        const valued = g.op("Mul", [digits, constant(g, "place values", placeValues(levels))]);
        return g.op("ReduceSum", [valued, g.int64s([-1])], { keepdims: 1 });
      },
      writeDecoder(g, indices) {
        const shifted = g.op("Div", [indices, constant(g, "place values", placeValues(levels))]);
        return rule.writeValues(g, g.op("Mod", [shifted, constant(g, "levels", levels)], { fmod: 0 }));
      },
    };
  }

  variables(): ReadonlyMap<string, Variable> {
    return new Map();
  }

  dispose(): void {}
}
