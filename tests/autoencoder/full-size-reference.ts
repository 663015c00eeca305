import type { AutoencoderConfig } from "../../src/autoencoder/config-fields.js";
import {
  attendEverywhere,
  convolve,
  enlarge,
  type Grid,
  gridOf,
  at as gridValue,
  haar,
  inverseHaar,
  map,
  type Numbers,
  normalizeByStatistics,
  normalizeGroups,
  normalizeSpatially,
  numbers,
  poolWindows,
  sum,
} from "../nn/grids.js";

/**
 * The autoencoder of VQGAN and its relatives once more, in double precision and plain loops, written from the published
 * layouts (taming-transformers, MoVQ, MaskGIT, Open-MAGVIT2, Cosmos), sharing nothing with the code under test.
 */
export class FullSizeReference {
  readonly #config: AutoencoderConfig;
  readonly #weights: Numbers;
  /** The codes, in the decoder. */
  #codes: Grid | undefined;

  constructor(config: AutoencoderConfig, weights: Numbers) {
    this.#config = config;
    this.#weights = weights;
  }

  encode(image: Grid): Grid {
    const { residualBlocks, attentionStages, pixelRange, waveletPatch, downsamplingFactor } = this.#config;
    this.#codes = undefined;
    let x = pixelRange === "0..1" ? map(image, (v) => (v + 1) / 2) : image;
    for (let side = waveletPatch; side > 1; side /= 2) x = haar(x);
    let halvings = 0;
    while (waveletPatch * 2 ** halvings < downsamplingFactor) halvings++;
    x = this.#convolve(x, "encoder/in");
    residualBlocks.forEach((blocks, stage) => {
      for (let b = 0; b < blocks; b++) {
        x = this.#block(x, `encoder/stage${stage}/block${b}`);
        if (attentionStages.includes(stage)) x = this.#attention(x, `encoder/stage${stage}/attention${b}`);
      }
      if (stage < halvings) x = this.#down(x, `encoder/down${stage}`);
    });
    x = this.#middle(x, "encoder/middle");
    x = this.#convolve(this.#activated(x, "encoder/out/norm"), "encoder/out");
    return this.#weights.has("projection/in/kernel") ? this.#convolve(x, "projection/in") : x;
  }

  decode(codes: Grid): Grid {
    const {
      decoderBlocks,
      decoderAttentionStages,
      decoderNorm,
      pixelRange,
      waveletPatch,
      downsamplingFactor,
    } = this.#config;
    this.#codes = codes;
    let doublings = 0;
    while (waveletPatch * 2 ** doublings < downsamplingFactor) doublings++;
    let x = this.#weights.has("projection/out/kernel") ? this.#convolve(codes, "projection/out") : codes;
    x = this.#middle(this.#convolve(x, "decoder/in"), "decoder/middle");
    for (let stage = decoderBlocks.length - 1; stage >= 0; stage--) {
      const name = `decoder/stage${stage}`;
      if (decoderNorm === "adaptive") {
        const norm = { name: `${name}/style`, ...this.#norm(x) };
        x = normalizeByStatistics(x, this.#weights, { ...norm, codes });
      }
      for (let b = 0; b < (decoderBlocks[stage] as number); b++) {
        x = this.#block(x, `${name}/block${b}`);
        if (decoderAttentionStages.includes(stage)) x = this.#attention(x, `${name}/attention${b}`);
      }
      if (doublings > 0) x = this.#up(x, `decoder/up${--doublings}`);
    }
    x = this.#convolve(this.#activated(x, "decoder/out/norm"), "decoder/out");
    for (let side = waveletPatch; side > 1; side /= 2) x = inverseHaar(x);
    return pixelRange === "0..1" ? map(x, (v) => 2 * v - 1) : x;
  }

  #block(input: Grid, name: string): Grid {
    let x = input;
    for (const half of [1, 2])
      x = this.#convolve(this.#activated(x, `${name}/norm${half}`), `${name}/conv${half}`);
    if (!this.#weights.has(`${name}/shortcut/kernel`)) return sum(x, input);
    return sum(x, this.#convolve(this.#config.shortcut === "input" ? input : x, `${name}/shortcut`));
  }

  #attention(input: Grid, name: string): Grid {
    return sum(input, attendEverywhere(this.#normed(input, `${name}/norm`), this.#weights, { name }));
  }

  #middle(input: Grid, name: string): Grid {
    let x = input;
    for (let b = 0; b < this.#config.middleBlocks; b++) {
      x = this.#block(x, `${name}/block${b}`);
      if (b === 0 && this.#config.middleAttention) x = this.#attention(x, `${name}/attention0`);
    }
    return x;
  }

  #activated(input: Grid, norm: string): Grid {
    return map(this.#normed(input, norm), (v) => v / (1 + Math.exp(-v)));
  }

  #normed(input: Grid, name: string): Grid {
    const options = { name, ...this.#norm(input) };
    return this.#codes !== undefined && this.#config.decoderNorm === "spatial"
      ? normalizeSpatially(input, this.#weights, { ...options, codes: this.#codes })
      : normalizeGroups(input, this.#weights, options);
  }

  /** The largest number of groups, at most `normGroups`, that divides the channels. */
  #norm({ shape: [, , , channels] }: Grid) {
    let groups = 1;
    for (let each = 1; each <= this.#config.normGroups; each++) if (channels % each === 0) groups = each;
    return { groups, epsilon: this.#config.normEpsilon };
  }

  #down(x: Grid, name: string): Grid {
    switch (this.#config.down) {
      case "3x3":
        return this.#strided(x, name, [0, 1, 0, 1]);
      case "average":
        return poolWindows(x, { kernel: [2, 2], stride: [2, 2] }, (all) => all.reduce((a, b) => a + b) / 4);
      default:
        return this.#strided(x, name, [1, 1, 1, 1]);
    }
  }

  #strided(x: Grid, name: string, padding: readonly [number, number, number, number]): Grid {
    const side = this.#config.down === "4x4" ? 4 : 3;
    const kernel = [side, side] as const;
    return convolve(x, this.#weights, { name, kernel, stride: [2, 2], padding, outputs: x.shape[3] });
  }

  #up(x: Grid, name: string): Grid {
    if (this.#config.up === "nearest") return this.#convolve(enlarge(x, 2), name);
    const wide = this.#convolve(x, name);
    const [batch, height, width, channels] = x.shape;
    const value = gridValue(wide);
    return gridOf([batch, 2 * height, 2 * width, channels], (n, row, column, c) =>
      value(n, row >> 1, column >> 1, (2 * (row % 2) + (column % 2)) * channels + c),
    );
  }

  /** Keeps the size; a 3×3 or 1×1 kernel, as many outputs as the kernel has. */
  #convolve(x: Grid, name: string): Grid {
    const taps = (numbers(this.#weights, `${name}/kernel`).length / x.shape[3]) as number;
    const bias = this.#weights.get(`${name}/bias`);
    const outputs = bias?.length ?? this.#outputsOf(name, taps);
    const side = Math.sqrt(taps / outputs);
    const pad = (side - 1) / 2;
    return convolve(x, this.#weights, { name, kernel: [side, side], padding: [pad, pad, pad, pad], outputs });
  }

  /** Of a convolution without biases: a shortcut's, which is 1×1, or one that is 3×3. */
  #outputsOf(name: string, taps: number): number {
    return name.endsWith("/shortcut") ? taps : taps / 9;
  }
}
