/** Runs the exported model away from the page, so that the page answers while it computes. */
import * as ort from "./runtime/ort.wasm.min.mjs";

/** More are no faster for models of this size. */
const MOST_THREADS = 4;

// More threads than one need a page that is isolated from other origins by headers of its server.
ort.env.wasm.numThreads = globalThis.crossOriginIsolated
  ? Math.min(MOST_THREADS, navigator.hardwareConcurrency)
  : 1;

const options = { executionProviders: ["wasm"] };
let encoder;
let decoder;

const calls = {
  async load({ files }) {
    await Promise.all([encoder?.release(), decoder?.release()]);
    encoder = await ort.InferenceSession.create(files.encoder, options);
    decoder = await ort.InferenceSession.create(files.decoder, options);
  },

  /** Bytes [height, width, 3] → indices of shape [1, rows, columns, codebooks]. */
  async encode({ pixels, height, width }) {
    const input = new ort.Tensor("uint8", pixels, [1, height, width, 3]);
    const { indices } = await encoder.run({ pixels: input });
    return { indices: indices.data, shape: indices.dims };
  },

  /** Indices of any number of images → their bytes [count, height, width, 3]. */
  async decode({ indices, shape }) {
    const { pixels } = await decoder.run({ indices: new ort.Tensor("int32", indices, shape) });
    const [count, height, width] = pixels.dims;
    return { pixels: pixels.data, count, height, width };
  },
};

addEventListener("message", async ({ data: { id, name, argument } }) => {
  try {
    postMessage({ id, result: await calls[name](argument) });
  } catch (error) {
    postMessage({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
