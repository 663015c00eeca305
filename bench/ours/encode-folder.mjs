// The counterpart of bench/peers/encode_folder.py: JPEG files to indices on disk, from the first file opened to the last
// one written: decode, scale to 256×256, encode with the preset "small", write .npy.
// usage: encode-folder.mjs [--threads 2] [--repeats 3]
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Tokenizer, writeCodes } from "../../dist/src/tokenizer/index.js";
import { jpegFolder } from "../lib/jpeg-folder.mjs";
import { saveUntrainedModel } from "../lib/untrained-model.mjs";
import { readArguments, report, secondsOf, startEngine } from "./common.mjs";

const options = readArguments({ repeats: 3 });
const runtime = await startEngine(options);

const folder = await jpegFolder();
const work = await mkdtemp(join(tmpdir(), "vqkit-bench-codes-"));
try {
  const modelPath = join(work, "model.safetensors");
  const parameters = await saveUntrainedModel(modelPath, "small");
  const tokenizer = await Tokenizer.load(modelPath);
  const images = (await readdir(folder)).length;
  let indices = 0;
  const encode = async (index) => {
    const codes = tokenizer.encodeAll(folder, { policy: "resize", size: 256, batchSize: 16 });
    const { grids, numCodebooks } = await writeCodes(join(work, String(index)), codes);
    indices =
      grids.reduce((sum, grid) => sum + grid.entries * grid.gridHeight * grid.gridWidth, 0) * numCodebooks;
  };
  const durations = await secondsOf(encode, { repeats: options.repeats, warmup: 1 });
  await tokenizer.dispose();
  report({ speed: durations.map((seconds) => images / seconds) }, { parameters, images, indices, runtime });
} finally {
  await rm(work, { recursive: true });
}
