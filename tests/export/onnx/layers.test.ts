import { beforeAll, expect, test } from "vitest";
import { encoderLayers, pixelsToTensor } from "../../../src/autoencoder/index.js";
import { freezeTensors, GraphWriter, InferenceSession, OrtTensor } from "../../../src/backend/index.js";
import { inLayout, sequence } from "../../../src/nn/index.js";
import * as tf from "../../../src/tf/index.js";
import { loadModel } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../data/temporary.js";
import { useEngine } from "../../engine.js";
import { rawImage } from "../../tokenizer/model.js";
import { runFolder, variants } from "../models.js";

const folder = await temporaryFolder();
beforeAll(useEngine);

/** Indices may agree by luck; latents agree to the last bit only if every sum has the same order. */
test.each(
  Object.entries({
    ...variants,
    // Wide enough for every way in which a matrix product goes through its sums in blocks.
    wide: {
      model: { preset: "tiny", baseWidth: 32, residualBlocks: 1, latentChannels: 300 },
      quantizer: { kind: "vq", codebookSize: 8, codeDim: 300, initialization: "uniform" },
    },
  }),
)("the latents of %s are the engine's, bit for bit", async (_, variant) => {
  const { model } = await loadModel(await runFolder(folder, variant));
  const { config, quantizer } = model;
  const raw = rawImage(4, { height: 64, width: 96 });
  const pixels = pixelsToTensor({ ...raw, count: 1 });
  freezeTensors(model.variables().values()); // as a tokenizer does
  const live = model.encode(pixels);

  const g = new GraphWriter();
  const input = g.input("pixels", "float32", ["batch", "height", "width", 3]);
  const image = {
    name: input,
    layout: "NHWC",
    channels: 3,
    grid: "grid",
    scale: config.downsamplingFactor,
  } as const;
  const encoder = sequence(encoderLayers(config, quantizer.codeDim));
  const latents = encoder.onnx(g, image, await model.copyWeights());
  const dims = ["batch", "grid_height", "grid_width", quantizer.codeDim];
  g.output("latents", inLayout(g, latents, "NHWC"), { type: "float32", dims });
  const session = await InferenceSession.create(g.encode("encoder", {}), { intraOpNumThreads: 1 });
  const values = (await pixels.data()) as Float32Array;
  const result = await session.run({ pixels: new OrtTensor("float32", values, [1, 64, 96, 3]) });

  expect(result.latents?.dims).toEqual(live.shape);
  const [found, expected] = [result.latents?.data as Float32Array, await live.data()];
  let different = 0;
  for (let i = 0; i < expected.length; i++) if (found[i] !== expected[i]) different++;
  expect(different).toBe(0);
  expect(new Set(expected).size).toBeGreaterThan(100);
  tf.dispose([pixels, live]);
  model.dispose();
});
