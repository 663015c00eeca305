import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { ImageAutoencoder, pixelsToTensor, resolveModel } from "../../../src/autoencoder/index.js";
import { createQuantizer, registerQuantizer } from "../../../src/quantizers/index.js";
import * as tf from "../../../src/tf/index.js";
import { loadModel } from "../../../src/tokenizer/model-loading.js";
import { ModelPasses } from "../../../src/tokenizer/model-passes.js";
import { noise, temporaryFolder } from "../../data/temporary.js";
import { useEngine } from "../../engine.js";
import { codes, scaledQuantizer } from "../../quantizers/scaled-quantizer.js";
import { modelFile, quantizers } from "../model.js";

beforeAll(async () => {
  await useEngine();
  registerQuantizer(scaledQuantizer("scaled-passes", true));
  registerQuantizer(scaledQuantizer("scaled-recorded-passes", false));
});

afterEach(() => {
  codes.scale = 1;
});

function untrained(quantizer: object): ImageAutoencoder {
  const config = resolveModel({ preset: "tiny" });
  return ImageAutoencoder.create({ config, quantizer: createQuantizer(quantizer, 3), seed: 3 });
}

const image = (seed: number, side: number) => ({
  ...noise(seed, { height: side, width: side }),
  height: side,
  width: side,
  count: 1,
});

/** Of all codes, as an untrained encoder gives each patch the one in the middle. */
const grid = { indices: Uint16Array.from({ length: 60 }, (_, i) => i), shape: [1, 6, 10, 1] } as const;

describe("passes of a model", () => {
  it("are recorded twice for each size of image, and repeated from then on", async () => {
    const loaded = await loadModel(await modelFile(await temporaryFolder(), quantizers.vq));
    const { model } = loaded;
    const passes = new ModelPasses(loaded);
    const recorded = vi.spyOn(model, "encode");
    const found: number[][] = [];
    for (let i = 0; i < 6; i++) found.push([...(await passes.encode(image(i, 32))).indices]);
    expect(recorded).toHaveBeenCalledTimes(2);
    const other = await passes.encode(image(0, 48));
    expect(other.shape.slice(0, 3)).not.toEqual((await passes.encode(image(0, 32))).shape.slice(0, 3));
    expect(recorded).toHaveBeenCalledTimes(3);
    recorded.mockRestore();
    expect(new Set(found.map(String)).size).toBe(6);
    for (const [i, indices] of found.entries()) {
      const alone = tf.tidy(
        () => model.quantizer.quantize(model.encode(pixelsToTensor(image(i, 32)))).indices,
      );
      expect(indices).toEqual([...(await alone.data())]);
      alone.dispose();
    }
    await passes.dispose();
  });

  it("leave no tensor behind", async () => {
    const passes = new ModelPasses({
      model: untrained({ kind: "fsq", levels: [5, 4, 3] }),
      fingerprint: "none",
    });
    const all = async () => {
      for (let i = 0; i < 4; i++) await passes.decode(await passes.encode(image(i, 32)));
      await passes.forward(image(1, 32));
      return tf.memory().numTensors;
    };
    const before = await all();
    expect(await all()).toBe(before);
    await passes.dispose();
  });

  it("are recorded every time for a quantizer that does not say that it is repeatable", async () => {
    const passes = new ModelPasses({
      model: untrained({ kind: "scaled-recorded-passes" }),
      fingerprint: "none",
    });
    const decoded = async () => (await passes.decode(grid)).pixels;
    const first = await decoded();
    expect(await decoded()).toEqual(first);
    codes.scale = 3;
    expect(await decoded()).not.toEqual(first);
    await passes.dispose();
  });

  it("end with an error that names a quantizer that says so and is not", async () => {
    const passes = new ModelPasses({ model: untrained({ kind: "scaled-passes" }), fingerprint: "none" });
    for (let i = 0; i < 2; i++) await passes.decode(grid);
    codes.scale = 3;
    const later = async () => {
      for (let i = 0; i < 20; i++) await passes.decode(grid);
    };
    await expect(later()).rejects.toMatchObject({
      code: "codes",
      message: expect.stringContaining(
        'expected quantizer "scaled-passes", which says that it is repeatable',
      ),
    });
    await passes.dispose();
  });
});
