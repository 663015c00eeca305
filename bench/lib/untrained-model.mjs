import { ImageAutoencoder, modelPresets } from "../../dist/src/autoencoder/index.js";
import { createQuantizer } from "../../dist/src/quantizers/index.js";
import { writeModelFile } from "../../dist/src/runs/index.js";

/**
 * Writes an untrained model as `vqkit train` would leave it; what it has learnt makes no difference to its speed. Needs
 * an engine.
 *
 * @returns numbers that the encoder and the codebook have
 */
export async function saveUntrainedModel(path, preset) {
  const quantizer = createQuantizer(
    { kind: "vq", codebookSize: 1024, codeDim: 64, initialization: "normal" },
    0,
  );
  const model = ImageAutoencoder.create({ config: modelPresets[preset], quantizer, seed: 0 });
  const weights = await model.copyWeights();
  await writeModelFile(path, {
    weights: new Map([...weights].map(([name, value]) => [name, { dtype: "F32", ...value }])),
    config: JSON.parse(JSON.stringify({ model: model.config, quantizer: quantizer.config })),
  });
  model.dispose();
  const encoding = [...weights].filter(([name]) => /^(encoder|quantizer)\//.test(name));
  return encoding.reduce((sum, [, { data }]) => sum + data.length, 0);
}
