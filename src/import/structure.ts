import { type AutoencoderConfig, type QuantConvolution, stageWidths } from "../autoencoder/index.js";
import { VqkitError } from "../core/errors.js";

/** Shapes of weights by our names, as our models hold them. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

/** What the weights themselves say of a model, in the words of its configuration. */
export interface ModelStructure
  extends Pick<
    AutoencoderConfig,
    | "baseWidth"
    | "widthMultipliers"
    | "residualBlocks"
    | "decoderBlocks"
    | "attentionStages"
    | "decoderAttentionStages"
    | "middleBlocks"
    | "middleAttention"
    | "latentChannels"
    | "inputBias"
    | "blockBias"
    | "decoder"
    | "decoderNorm"
    | "up"
    | "waveletPatch"
  > {
  readonly inputWidth: number;
  readonly encoderOutKernel: number;
  readonly quantConvolution: Exclude<QuantConvolution, "auto">;
  /** d, the times that convolutions halve the grid. */
  readonly halvings: number;
  /** D. */
  readonly codeDim: number;
  /** K of a table of codes; undefined where there is no table. */
  readonly codebookSize: number | undefined;
}

/** The widths of stages as multiples of the first convolution's, which is how VQGAN's descendants write them. */
export function inputMultiples(structure: ModelStructure): number[] {
  return stageWidths(structure).map((width) => width / structure.inputWidth);
}

export interface StructureOptions {
  /** d of a model whose halvings have no weights. */
  readonly halvings?: number;
  /** Where the weights are from, for messages. */
  readonly where: string;
}

/** @throws VqkitError("format") for weights that are no encoder of this kind */
export function structureOf(shapes: Shapes, { halvings, where }: StructureOptions): ModelStructure {
  const look = new Look(shapes, where);
  const widths = look.widths("encoder");
  const stages = widths.length;
  const decoder = shapes.has("decoder/in/kernel");
  if (decoder) look.expectSameWidths(widths);
  const input = look.shape("encoder/in/kernel");
  const latentChannels = look.shape("encoder/out/kernel")[3] as number;
  const quantization = shapes.get("projection/in/kernel");
  const table = shapes.get("quantizer/codes");
  const baseWidth = widths.reduce(greatestCommonDivisor);
  const ups = shapes.get("decoder/up0/kernel");
  return {
    baseWidth,
    inputWidth: input[3] as number,
    widthMultipliers: widths.map((width) => width / baseWidth),
    residualBlocks: look.counts("encoder", stages),
    decoderBlocks: decoder ? look.counts("decoder", stages) : look.counts("encoder", stages),
    attentionStages: look.attention("encoder", stages),
    decoderAttentionStages: look.attention(decoder ? "decoder" : "encoder", stages),
    middleBlocks: look.count("encoder/middle/block"),
    middleAttention: shapes.has("encoder/middle/attention0/query/kernel"),
    latentChannels,
    encoderOutKernel: look.shape("encoder/out/kernel")[0] as number,
    inputBias: shapes.has("encoder/in/bias"),
    blockBias: shapes.has("encoder/stage0/block0/conv1/bias"),
    quantConvolution: quantization === undefined ? "none" : quantization[0] === 3 ? "3x3" : "1x1",
    decoder,
    decoderNorm: look.decoderNorm(),
    up: ups !== undefined && ups[3] === 4 * (ups[2] as number) ? "depth-to-space" : "nearest",
    waveletPatch: look.patch(input[2] as number),
    halvings: halvings ?? look.count("encoder/down"),
    codeDim: table?.[1] ?? quantization?.[3] ?? latentChannels,
    codebookSize: table?.[0],
  };
}

class Look {
  readonly #shapes: Shapes;
  readonly #where: string;

  constructor(shapes: Shapes, where: string) {
    this.#shapes = shapes;
    this.#where = where;
  }

  shape(name: string): readonly number[] {
    const shape = this.#shapes.get(name);
    if (shape === undefined) throw this.#error(`expected a weight for "${name}", got none`);
    return shape;
  }

  /** How many of `PREFIX0`, `PREFIX1`, … there are. */
  count(prefix: string): number {
    const numbers = [...this.#shapes.keys()].flatMap((name) => {
      if (!name.startsWith(prefix)) return [];
      const [, digits] = /^(\d+)\//.exec(name.slice(prefix.length)) ?? [];
      return digits === undefined ? [] : [Number(digits)];
    });
    return new Set(numbers).size;
  }

  counts(side: string, stages: number): number[] {
    return Array.from({ length: stages }, (_, i) => this.count(`${side}/stage${i}/block`));
  }

  attention(side: string, stages: number): number[] {
    const has = (i: number) => this.#shapes.has(`${side}/stage${i}/attention0/query/kernel`);
    return Array.from({ length: stages }, (_, i) => i).filter(has);
  }

  /** The width of each stage. */
  widths(side: string): number[] {
    const stages = this.count(`${side}/stage`);
    if (stages === 0) throw this.#error(`expected stages of an ${side}, got none`);
    return Array.from(
      { length: stages },
      (_, i) => this.shape(`${side}/stage${i}/block0/conv2/kernel`)[3] as number,
    );
  }

  expectSameWidths(widths: readonly number[]): void {
    const found = this.widths("decoder");
    if (found.join() === widths.join()) return;
    throw this.#error(
      `expected a decoder of the encoder's widths [${widths.join(",")}], got [${found.join(",")}], which this network does not have`,
    );
  }

  decoderNorm(): "group" | "spatial" | "adaptive" {
    if (this.#shapes.has("decoder/out/norm/factor/kernel")) return "spatial";
    return this.#shapes.has("decoder/stage0/style/factor/kernel") ? "adaptive" : "group";
  }

  patch(channels: number): 1 | 2 | 4 {
    const patch = ([1, 2, 4] as const).find((side) => channels === 3 * side * side);
    if (patch !== undefined) return patch;
    throw this.#error(`expected an encoder of images with 3 channels, got one of ${channels}`);
  }

  #error(text: string): VqkitError {
    return new VqkitError("format", `${this.#where}: ${text}.`);
  }
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
