import { readMetadata } from "./metadata.mjs";

/** An exported model in a worker. Calls are answered in order. */
export class BrowserTokenizer {
  #worker = new Worker(new URL("worker.mjs", import.meta.url), { type: "module" });
  #waiting = new Map();
  #calls = 0;
  /** K, f, and what else the files say. */
  facts;

  constructor() {
    this.#worker.onmessage = ({ data: { id, result, error } }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) resolve(result);
      else reject(new Error(error));
    };
    this.#worker.onerror = (event) => {
      const error = new Error(
        event.message || "The page's worker could not be loaded. Is onnxruntime-web served under runtime/?",
      );
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    };
  }

  /**
   * @param {{name: string, bytes: Uint8Array}[]} files encoder and decoder of one export, in any order
   */
  async load(files) {
    const { encoder, decoder, facts } = sortFiles(files);
    await this.#call("load", { files: { encoder, decoder } });
    this.facts = facts;
  }

  /** One image's bytes [height, width, 3] → `{ indices: Int32Array, shape: [1, rows, columns, codebooks] }`. */
  encode(image) {
    return this.#call("encode", image);
  }

  /** Indices of `count` images → `{ pixels: Uint8Array, count, height, width }`. */
  decode(codes) {
    return this.#call("decode", codes);
  }

  #call(name, argument) {
    const id = this.#calls++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, name, argument });
    });
  }
}

/** Which file is which part, and that both are of one model whose pixels are bytes. */
function sortFiles(files) {
  const parts = new Map();
  for (const { name, bytes } of files) {
    const metadata = readMetadata(bytes);
    if (metadata.get("format") !== "vqkit-onnx") {
      throw new Error(`${name}: expected a file that vqkit export --to onnx wrote, got another one.`);
    }
    if (metadata.get("formatVersion") !== "1") {
      throw new Error(`${name}: expected format version 1, got ${metadata.get("formatVersion")}.`);
    }
    if (metadata.has("scales")) {
      throw new Error(`${name}: expected codes in a grid, which this page shows, got a sequence of scales.`);
    }
    parts.set(metadata.get("part"), { name, bytes, metadata });
  }
  const [encoder, decoder] = [parts.get("encoder"), parts.get("decoder")];
  if (encoder === undefined || decoder === undefined) {
    const names = files.map(({ name }) => name).join(" and ") || "nothing";
    throw new Error(`Expected an encoder.onnx and a decoder.onnx, got ${names}. Choose both at once.`);
  }
  if (encoder.metadata.get("fingerprint") !== decoder.metadata.get("fingerprint")) {
    throw new Error(`${encoder.name} and ${decoder.name}: expected files of one model, got those of two.`);
  }
  if (!encoder.metadata.get("pixels").startsWith("uint8")) {
    throw new Error(`${encoder.name}: expected bytes as pixels. Export again with --pixels uint8.`);
  }
  return { encoder: encoder.bytes, decoder: decoder.bytes, facts: factsOf(encoder.metadata) };
}

function factsOf(metadata) {
  return {
    codebookSize: Number(metadata.get("codebookSize")),
    numCodebooks: Number(metadata.get("numCodebooks")),
    factor: Number(metadata.get("downsamplingFactor")),
    kind: JSON.parse(metadata.get("quantizer")).kind,
    fingerprint: metadata.get("fingerprint"),
    figures: JSON.parse(metadata.get("figures") ?? "null"),
    origin: JSON.parse(metadata.get("origin") ?? "null"),
  };
}
