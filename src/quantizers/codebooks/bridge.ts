/**
 * VQBridge: a learned table seen through a transformer over the whole table.
 *
 * Chang et al. 2025 (FVQ), https://arxiv.org/abs/2509.10140: a projector that compresses the code vectors, processes them
 * together and recovers them, so that a step which chose only a few codes moves all of them. In code: C is `table`; groups
 * of `bridgeGroup` rows are one token each (compress), tokens go through `bridgeDepth` transformer blocks (process), and
 * each becomes as many rows again (recover). Codes are C plus what is recovered, so that a codebook can start from data.
 *
 * What the paper leaves to its code is chosen here: that sum, blocks that normalise first, without dropout and
 * without positions (rows of C tell tokens apart). Shapes: K = 1,024 and D = 8 are 64 tokens of 128 numbers at groups of 16.
 */
import { z } from "zod";
import type { Random } from "../../core/random.js";
import type { Rank, Tensor, Tensor1D, Tensor2D, Tensor3D, Variable } from "../../tf/index.js";
import type { OptionValues } from "../part.js";
import { tf } from "../tfjs.js";
import {
  type Codebook,
  type CodebookStart,
  codebookPart,
  codebookWeight,
  type KeptCodebook,
  keptRows,
} from "./codebook.js";
import { asTheyAre } from "./placement.js";
import { regularizationOptions } from "./regularization.js";

const bridgeOptions = {
  bridgeGroup: z.int().min(1).max(1024).default(16).describe("codes that are one token of the transformer"),
  bridgeWidth: z
    .int()
    .min(1)
    .max(4096)
    .default(128)
    .describe("numbers in a token, rounded up to a multiple of the heads"),
  bridgeDepth: z.int().min(1).max(24).default(2).describe("blocks of the transformer"),
  bridgeHeads: z.int().min(1).max(64).default(4).describe("heads of its attention"),
} as const;

type BridgeOptions = OptionValues<typeof bridgeOptions>;
type Shape = Pick<CodebookStart, "codebookSize" | "codeDim">;

/** Inner numbers of a block's two layers, over those of a token. */
const EXPANSION = 4;

/** Added to variances before their roots are taken. */
const EPSILON = 1e-5;

/** A weight of the projector: how it starts, and its shape. */
type Weight = readonly [name: string, start: "uniform" | "ones" | "zeros", shape: readonly number[]];

/** Numbers in a token: of whole heads. */
function widthOf({ bridgeWidth, bridgeHeads }: BridgeOptions): number {
  return Math.ceil(bridgeWidth / bridgeHeads) * bridgeHeads;
}

/** All weights of the projector, in order. A dense layer of `in` numbers starts from U(−1/√in, 1/√in), biases too. */
function weightsOf({ codeDim }: Pick<Shape, "codeDim">, options: BridgeOptions): Weight[] {
  const width = widthOf(options);
  const rows = options.bridgeGroup * codeDim;
  const dense = (name: string, from: number, to: number): Weight[] => [
    [`${name}/kernel`, "uniform", [from, to]],
    [`${name}/bias`, "zeros", [to]],
  ];
  const norm = (name: string): Weight[] => [
    [`${name}/scale`, "ones", [width]],
    [`${name}/shift`, "zeros", [width]],
  ];
  const blocks = Array.from({ length: options.bridgeDepth }, (_, i) => [
    ...norm(`block${i}/norm1`),
    ...dense(`block${i}/queries`, width, width),
    ...dense(`block${i}/keys`, width, width),
    ...dense(`block${i}/values`, width, width),
    ...dense(`block${i}/attended`, width, width),
    ...norm(`block${i}/norm2`),
    ...dense(`block${i}/inner`, width, EXPANSION * width),
    ...dense(`block${i}/outer`, EXPANSION * width, width),
  ]);
  return [
    ...dense("compress", rows, width),
    ...blocks.flat(),
    ...norm("norm"),
    ...dense("recover", width, rows),
  ];
}

/** x·Φ(x), Φ the normal distribution function. */
function gelu(x: Tensor2D): Tensor2D {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.div(x, Math.SQRT2)), 1));
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Codes C + recover(process(compress(C))). C and all weights learn from the codebook loss. */
export class BridgeCodebook implements Codebook {
  readonly placement = asTheyAre;
  readonly similarity = "distance";
  readonly #options: BridgeOptions;
  readonly #table: Variable<Rank.R2>; // [K, D]
  readonly #weights: ReadonlyMap<string, Variable>;

  constructor({ codebookSize, codeDim, codes }: CodebookStart, options: BridgeOptions, random: Random) {
    this.#options = options;
    const valuesOf = ([, start, shape]: Weight): Float32Array => {
      const limit = 1 / Math.sqrt(shape[0] as number);
      if (start === "uniform") return random.fill(sizeOf(shape), (r) => r.uniform(-limit, limit));
      return new Float32Array(sizeOf(shape)).fill(start === "ones" ? 1 : 0);
    };
    this.#table = tf.tidy(() => tf.variable(tf.tensor2d(codes, [codebookSize, codeDim])));
    this.#weights = new Map(
      weightsOf({ codeDim }, options).map((weight) => [
        weight[0],
        tf.tidy(() => tf.variable(tf.tensor(valuesOf(weight), [...weight[2]]))),
      ]),
    );
  }

  codes(): Tensor2D {
    const [codes, dim] = this.#table.shape;
    const { bridgeGroup, bridgeDepth } = this.#options;
    const tokens = Math.ceil(codes / bridgeGroup);
    const missing = tokens * bridgeGroup - codes;
    const whole: Tensor2D = missing === 0 ? this.#table : tf.concat([this.#table, tf.zeros([missing, dim])]);
    let x = this.#dense("compress", tf.reshape(whole, [tokens, bridgeGroup * dim])); // [T, W]
    for (let i = 0; i < bridgeDepth; i++) {
      x = tf.add(x, this.#attention(i, this.#norm(`block${i}/norm1`, x)));
      const inner = gelu(this.#dense(`block${i}/inner`, this.#norm(`block${i}/norm2`, x)));
      x = tf.add(x, this.#dense(`block${i}/outer`, inner));
    }
    const recovered = tf.reshape(this.#dense("recover", this.#norm("norm", x)), [-1, dim]) as Tensor2D;
    return tf.add(this.#table, missing === 0 ? recovered : tf.slice(recovered, [0, 0], [codes, dim]));
  }

  /** Of all tokens to all tokens. [T, W] → [T, W] */
  #attention(block: number, tokens: Tensor2D): Tensor2D {
    const [count, width] = tokens.shape;
    const heads = this.#options.bridgeHeads;
    const split = (name: string): Tensor3D => {
      const rows = tf.reshape(this.#dense(`block${block}/${name}`, tokens), [count, heads, width / heads]);
      return tf.transpose(rows, [1, 0, 2]) as Tensor3D; // [heads, T, W / heads]
    };
    const queries = tf.div(split("queries"), Math.sqrt(width / heads)) as Tensor3D;
    const shares = tf.softmax(tf.matMul(queries, split("keys"), false, true), 2);
    const mixed = tf.transpose(tf.matMul(shares, split("values")), [1, 0, 2]);
    return this.#dense(`block${block}/attended`, tf.reshape(mixed, [count, width]));
  }

  #dense(name: string, rows: Tensor2D): Tensor2D {
    const product = tf.matMul(rows, this.#weight(`${name}/kernel`) as Tensor2D);
    return tf.add(product, this.#weight(`${name}/bias`) as Tensor1D);
  }

  /** Each row at mean 0 and variance 1, then scaled and shifted. */
  #norm(name: string, rows: Tensor2D): Tensor2D {
    const centred = tf.sub(rows, tf.mean(rows, 1, true));
    const deviation = tf.sqrt(tf.add(tf.mean(tf.square(centred), 1, true), EPSILON));
    const scaled = tf.mul(tf.div(centred, deviation), this.#weight(`${name}/scale`));
    return tf.add(scaled, this.#weight(`${name}/shift`)) as Tensor2D;
  }

  #weight(name: string): Tensor {
    return this.#weights.get(name) as Tensor;
  }

  /** C becomes `codes`, and what is recovered 0: the blocks learn from the first step on, through the last layer. */
  setCodes(codes: Float32Array): void {
    tf.tidy(() => {
      this.#table.assign(tf.tensor2d(codes, this.#table.shape));
      for (const name of ["recover/kernel", "recover/bias"]) {
        const weight = this.#weights.get(name) as Variable;
        weight.assign(tf.zeros(weight.shape));
      }
    });
  }

  update(): void {}

  /** A plain table of the codes as they are: every code depends on all others, so codes would move if some went. */
  async keep(kept: readonly number[]): Promise<KeptCodebook> {
    return { codebook: "free", state: new Map([["codes", await keptRows(() => this.codes(), kept)]]) };
  }

  variables(): ReadonlyMap<string, Variable> {
    return new Map<string, Variable>([["table", this.#table], ...this.#weights]);
  }

  dispose(): void {
    for (const variable of this.variables().values()) variable.dispose();
  }
}

export const bridge = codebookPart({
  name: "bridge",
  summary:
    "a table that learns, seen through a transformer over the whole table: every code moves at each step",
  paper: {
    title: "Scalable Training for Vector-Quantized Networks with 100% Codebook Utilization",
    arxiv: "2509.10140",
  },
  options: { codebookWeight, ...regularizationOptions, ...bridgeOptions },
  defaults: { initialization: "normal" },
  learning: "all",
  comparesLengths: true,
  card: ({ bridgeDepth }, { learnsFromReconstruction }) => ({
    sentence: `Bridge: a table that learns from the codebook loss${learnsFromReconstruction ? " and the reconstruction" : ""}, seen through a transformer of ${bridgeDepth} blocks over all codes. Every step moves every code.`,
    latent: "z",
    loss: {
      moves: "the table and the transformer, and with it every code",
      leaves: "encoder and decoder",
    },
  }),
  numbers: (shape, options) =>
    weightsOf(shape, options).reduce(
      (sum, [, , weight]) => sum + sizeOf(weight),
      shape.codebookSize * shape.codeDim,
    ),
  create: (start, options, random) => new BridgeCodebook(start, options, random),
});
