const speed = { key: "speed", unit: "images/s", better: "higher" };
const time = { key: "time", unit: "ms", better: "lower" };
/** Peak resident memory during the calls, over what was resident before the first one. */
const memory = { key: "memory", unit: "MB", better: "lower" };

/** Forward and backward through one quantizer: 8,192 vectors of 64 dimensions (FSQ: one dimension per level). */
function quantizer(kind, size, title) {
  const args = ["--kind", kind, "--size", String(size)];
  return {
    title,
    repeats: 5,
    measures: [time, memory],
    ours: { script: "quantizers.mjs", args },
    peers: [{ name: "PyTorch, by hand", script: "quantizers.py", args }],
  };
}

/** 64×64 RGB in batches of 32, f = 4, widths W and 2·W, two residual blocks a side, D = 64, K = 1024. */
function autoencoder(mode, width, title) {
  const args = ["--mode", mode, "--width", String(width)];
  const peer = (layout) => ({
    name: `PyTorch, ${layout}`,
    script: "autoencoder.py",
    args: [...args, "--layout", layout],
  });
  return {
    title,
    repeats: 15,
    measures: [speed],
    ours: { script: "autoencoder.mjs", args },
    peers: [peer("channels_last"), peer("contiguous")],
  };
}

/** JPEG files on disk to indices on disk: decoding, scaling, the encoder of the preset "small", writing. */
function encodeFolder(title) {
  const peer = (name, loader) => ({ name, script: "encode_folder.py", args: ["--loader", loader] });
  return {
    title,
    repeats: 3,
    measures: [speed],
    ours: { script: "encode-folder.mjs", args: [] },
    peers: [peer("PIL + PyTorch, threads", "threads"), peer("PIL + PyTorch, DataLoader", "workers")],
  };
}

/** The same program on vqkit's own engine and on tfjs-node, which is the peer. */
function engines(mode, title) {
  const on = (engine) => ({ script: "autoencoder.mjs", args: ["--mode", mode, "--engine", engine] });
  return {
    title,
    repeats: 15,
    measures: [speed],
    ours: on("onnxruntime"),
    peers: [{ name: "tfjs-node", runtime: "tfjs-node", ...on("tensorflow") }],
  };
}

/**
 * All races by name: what is measured, our side, and the peers. Scripts are in bench/ours and bench/peers; a peer runs in
 * PyTorch unless it names another runtime of race.mjs.
 */
export const benchmarks = {
  "train-step": autoencoder("train", 64, "forward, backward and Adam update of a VQ autoencoder"),
  "train-step-narrow": autoencoder("train", 16, "the same with a quarter of the widths"),
  encoder: autoencoder("encode", 64, "images to indices with the autoencoder of train-step"),
  "encode-folder": encodeFolder("JPEG files to .npy files: decode, scale to 256×256, encode, write"),
  "quantizer-vq": quantizer("vq", 65_536, "straight-through VQ, K = 65,536"),
  "quantizer-rotation": quantizer("rotation", 65_536, "rotation-trick VQ, K = 65,536"),
  "quantizer-simvq": quantizer("simvq", 65_536, "VQ with a linearly transformed codebook, K = 65,536"),
  "quantizer-fsq": quantizer("fsq", 64_000, "FSQ with levels [8,8,8,5,5,5], 64,000 codes"),
  overhead: {
    title: "a training step's time beyond ONNX Runtime's own, against recording every step",
    repeats: 60,
    measures: [{ key: "overhead", unit: "ms", better: "lower" }],
    ours: { script: "overhead.mjs", args: ["--mode", "repeated"] },
    peers: [
      {
        name: "vqkit, recorded anew",
        runtime: "vqkit",
        script: "overhead.mjs",
        args: ["--mode", "recorded"],
      },
    ],
  },
  "engines-train-step": engines("train", "train-step on both engines of vqkit"),
  "engines-encoder": engines("encode", "encoder on both engines of vqkit"),
};
