import { beforeAll, describe, expect, it } from "vitest";
import { Random } from "../../../src/core/random.js";
import { createQuantizer, type Quantizer, quantizerFacts } from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { useEngine } from "../../engine.js";

const TABLE = { kind: "vq", codebookSize: 5, codeDim: 3, initialization: "normal" };
const kinds = {
  residual: { kind: "residual", numQuantizers: 3, quantizer: TABLE, quantizerDropout: 0.5 },
  "residual-fsq": { kind: "residual-fsq", levels: [5, 4, 3], numQuantizers: 3, quantizerDropout: 0.5 },
  "multi-scale": {
    ...{ kind: "multi-scale", scales: [1, 2, 3], phiRatio: 0, quantizerDropout: 0.5 },
    quantizer: { ...TABLE, codebook: "frozen" },
  },
};

/** [4, 3, 3, 3] */
const latentGrid = () =>
  tf.tensor4d(
    Array.from({ length: 108 }, (_, i) => 1.4 * Math.sin(0.7 * i + 0.1 * (i % 4))),
    [4, 3, 3, 3],
  );

async function numbersOf(tensor: tf.Tensor): Promise<number[]> {
  const values = [...(await tensor.data())];
  tensor.dispose();
  return values;
}

/** What the first parts alone come to: by a quantizer that has no more than these, where there is one. */
async function firstParts(config: (typeof kinds)[keyof typeof kinds], count: number): Promise<number[]> {
  const isCut = "numQuantizers" in config;
  // Members are drawn one after the other, so fewer of them are the first of more. Scales end with the grid's.
  const cut = isCut ? { ...config, numQuantizers: count, quantizerDropout: 0 } : config;
  const quantizer = createQuantizer(cut, 3);
  const made = tf.tidy(() => {
    const row = [0, 1, 2].map((part) => (part < count ? 1 : 0));
    const shown = tf.tensor2d([row, row, row, row]);
    return quantizer.quantize(latentGrid(), isCut ? undefined : { shown }).quantized;
  });
  const values = await numbersOf(made);
  quantizer.dispose();
  return values;
}

describe.each(Object.entries(kinds))("quantizer dropout of %s", (kind, config) => {
  beforeAll(useEngine);

  it("shows each image the parts that were drawn for it", async () => {
    const quantizer: Quantizer = createQuantizer(config, 3);
    // Images 0 to 3 have 1, 2, 3 and 3 parts.
    const shown = tf.tensor2d([1, 0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 1], [4, 3]);
    const z = latentGrid();
    const [mixed, evaluated] = tf.tidy(() => [
      quantizer.quantize(z, { shown }).quantized,
      quantizer.quantize(z).quantized,
    ]);
    const [values, all] = await Promise.all([
      numbersOf(mixed as tf.Tensor),
      numbersOf(evaluated as tf.Tensor),
    ]);
    const expected = await Promise.all([1, 2, 3, 3].map((count) => firstParts(config, count)));
    for (const image of [0, 1, 2, 3]) {
      expect(values.slice(27 * image, 27 * image + 27)).toEqual(
        expected[image]?.slice(27 * image, 27 * image + 27),
      );
    }
    expect(values.slice(54)).toEqual(all.slice(54));
    expect(values.slice(0, 27)).not.toEqual(all.slice(0, 27));
    tf.dispose([z, shown]);
    quantizer.dispose();
  });

  it("chooses and counts all codes all the same", async () => {
    const quantizer = createQuantizer(config, 3);
    const shown = tf.zeros([4, 3]);
    const z = latentGrid();
    const [some, all] = tf.tidy(() => [
      quantizer.quantize(z, { shown }).indices,
      quantizer.quantize(z).indices,
    ]);
    expect(await numbersOf(some as tf.Tensor)).toEqual(await numbersOf(all as tf.Tensor));
    tf.dispose([z, shown]);
    quantizer.dispose();
  });

  it("draws whole images at the rate, and evenly how many parts the others have", async () => {
    const quantizer = createQuantizer(config, 3);
    const random = new Random(2, "dropout");
    const { shown } = quantizer.trainingInputs?.({ step: 1, grid: [3000, 3, 3], random }) ?? {};
    const values = await numbersOf(shown as tf.Tensor);
    const counts = [0, 0, 0, 0];
    for (let at = 0; at < values.length; at += 3) {
      const row = values.slice(at, at + 3);
      const parts = row.reduce((sum, value) => sum + value, 0);
      expect(row).toEqual([1, parts > 1 ? 1 : 0, parts > 2 ? 1 : 0]);
      counts[parts] = (counts[parts] ?? 0) + 1;
    }
    // Half are whole, and a third of the other half are too: 1/6, 1/6 and 2/3, with a deviation of 20 and 26.
    expect(Math.abs((counts[1] as number) - 500)).toBeLessThan(100);
    expect(Math.abs((counts[2] as number) - 500)).toBeLessThan(100);
    quantizer.dispose();
  });

  it("is off unless asked for, and told where it is not", () => {
    const off = createQuantizer({ ...config, quantizerDropout: 0 }, 3);
    expect(off.trainingInputs).toBeUndefined();
    expect(quantizerFacts(config)?.codebook).toMatch(
      /Of 0\.5 of the images training decodes the first \w+ alone\./,
    );
    expect(quantizerFacts({ ...config, quantizerDropout: 0 })?.codebook).not.toContain("training decodes");
    expect(() => createQuantizer({ ...config, quantizerDropout: 1.5 }, 0)).toThrow(/quantizerDropout/);
    expect(kind).toBe(off.config.kind);
    off.dispose();
  });
});
