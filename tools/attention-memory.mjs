/**
 * What attention takes of memory on a grid of 128×128, that of a 2,048-pixel image at downsampling factor 16: the peak of
 * a process that encodes and decodes such an image with a network, less that of one with the same network without
 * attention. The last stage and its attention are as wide as VQGAN's, 512 channels; the stages before are narrow, so that
 * their maps do not hide what attention takes. Weights are random.
 *
 *   npm run build && node tools/attention-memory.mjs [--side 2048] [--exported]
 *
 * --exported encodes by the ONNX graph that `vqkit export` writes, in ONNX Runtime by itself.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    side: { type: "string", default: "2048" },
    exported: { type: "boolean", default: false },
    attention: { type: "string" },
  },
});
const side = Number(values.side);

if (values.attention === undefined) {
  const peak = (attention) => {
    const args = [fileURLToPath(import.meta.url), "--side", String(side), "--attention", attention];
    if (values.exported) args.push("--exported");
    return JSON.parse(execFileSync(process.execPath, args, { encoding: "utf8" }));
  };
  const [without, with_] = [peak("none"), peak("all")];
  console.log(
    JSON.stringify({
      side,
      exported: values.exported,
      withoutMegabytes: without.megabytes,
      withMegabytes: with_.megabytes,
      differenceMegabytes: with_.megabytes - without.megabytes,
      withoutSeconds: without.seconds,
      withSeconds: with_.seconds,
    }),
  );
} else {
  const seconds = await run(values.attention === "all");
  // The highest resident set that the process had, as Linux counts it.
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "utf8"));
  console.log(JSON.stringify({ megabytes: Math.round(Number(kilobytes) / 1000), seconds }));
}

async function run(attention) {
  const { ImageAutoencoder, resolveModel, pixelsToTensor } = await import("vqkit/autoencoder");
  const { freezeTensors, InferenceSession, OrtTensor, selectEngine } = await import("vqkit/backend");
  const { createQuantizer } = await import("vqkit/quantizers");
  await selectEngine({ engine: "onnxruntime" });
  const config = resolveModel({
    preset: "vqgan",
    baseWidth: 8,
    widthMultipliers: [1, 1, 2, 4, 64],
    residualBlocks: [0, 0, 1, 1, 1],
    decoderBlocks: [0, 0, 1, 1, 1],
    middleBlocks: 1,
    ...(attention ? {} : { attentionStages: [], middleAttention: false }),
  });
  const quantizer = createQuantizer({ kind: "fsq", levels: [8, 5, 5, 5] }, 0);
  const model = ImageAutoencoder.create({ config, quantizer, seed: 0 });
  const pixels = Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * 7 + Math.floor(i / 999)) % 256);
  const begin = performance.now();
  if (values.exported) {
    const { writeOnnxGraphs } = await import("../dist/src/export/onnx/graphs.js");
    const { encoder } = await writeOnnxGraphs(model, { pixels: "uint8", metadata: {} });
    const session = await InferenceSession.create(encoder, { intraOpNumThreads: 2 });
    await session.run({ pixels: new OrtTensor("uint8", pixels, [1, side, side, 3]) });
  } else {
    freezeTensors(model.variables().values());
    const image = pixelsToTensor({ pixels, count: 1, height: side, width: side });
    const { indices } = model.quantizer.quantize(model.encode(image));
    image.dispose();
    await indices.data();
    await model.decode(model.quantizer.indicesToCodes(indices)).data();
  }
  return Math.round((performance.now() - begin) / 100) / 10;
}
