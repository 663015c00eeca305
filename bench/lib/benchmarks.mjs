const speed = { key: "speed", unit: "images/s", better: "higher" };
const time = { key: "time", unit: "ms", better: "lower" };
/** Peak resident memory during the calls, over what was resident before the first one. */
const memory = { key: "memory", unit: "MB", better: "lower" };
/** The peak of the whole process's resident memory. */
const resident = { key: "resident", unit: "MB", better: "lower" };
/** Memory of the GPU at the end, over what was taken before; not measured on the CPU. */
const deviceMemory = { key: "device-memory", unit: "MB", better: "lower" };

/** Forward and backward through one quantizer: 8,192 vectors of 64 dimensions (FSQ: one dimension per level). */
function quantizer(kind, size, title) {
  const args = ["--kind", kind, "--size", String(size)];
  return {
    title,
    repeats: 5,
    measures: [time, memory, deviceMemory],
    ours: { script: "quantizers.mjs", args },
    peers: [{ name: "PyTorch, by hand", script: "quantizers.py", args }],
  };
}

/** Forward and backward through one quantizer with 262,144 codes of 16 numbers (bits, levels: as many as that takes). */
function largeQuantizer(kind, title) {
  const args = ["--kind", kind];
  return {
    title: `262,144 codes: ${title}`,
    repeats: 2,
    measures: [time, memory],
    ours: { script: "large-quantizers.mjs", args },
    peers: [{ name: "PyTorch, by hand in blocks", script: "large_quantizers.py", args, on: "cpu" }],
  };
}

/**
 * 64×64 RGB in batches of 32, f = 4, widths W and 2·W, two residual blocks a side, D = 64, K = 1024, unless `more` says
 * otherwise. On a GPU PyTorch's own choice is TF32 for convolutions; where it trains, float32 as ours stands beside it.
 */
function autoencoder(mode, width, title, more = {}) {
  const args = ["--mode", mode, "--width", String(width), ...flags(more)];
  const peer = (layout, choice = {}) => ({
    name: ["PyTorch", layout, choice.precision].filter(Boolean).join(", "),
    script: "autoencoder.py",
    args: [...args, "--layout", layout, ...(choice.precision ? ["--precision", choice.precision] : [])],
    on: choice.on,
  });
  return {
    title,
    repeats: 15,
    hasBatches: true,
    measures: [speed, memory, resident, deviceMemory],
    ours: { script: "autoencoder.mjs", args },
    peers: [
      peer("channels_last"),
      ...(more.preset === "vqgan" ? [diffusers(args)] : [peer("contiguous", { on: "cpu" })]),
      ...(mode === "train" ? [peer("channels_last", { on: "gpu", precision: "float32" })] : []),
    ],
  };
}

/** Preset "base" at half its width, 128×128 RGB in batches of 4: f = 16, four stages with group norm and SiLU. */
function base(mode, title) {
  return autoencoder(mode, 64, title, { preset: "base", side: 128, batch: 4 });
}

/** Preset "vqgan", f = 16: VQGAN's and LlamaGen's networks. */
function vqgan(mode, width, title, size) {
  return { ...autoencoder(mode, width, title, { preset: "vqgan", ...size }), repeats: 4 };
}

/** The same model as that library's users have it. */
function diffusers(args) {
  const options = ["--layout", "channels_last", "--library", "diffusers"];
  return { name: "diffusers, channels_last", script: "autoencoder.py", args: [...args, ...options] };
}

/** The step of train-step at batch 16, with a loss of another network beside it. */
function losses(loss, title) {
  const args = ["--loss", loss];
  const peer = (layout) => ({
    name: `PyTorch, ${layout}`,
    script: "losses.py",
    args: [...args, "--layout", layout],
    on: "cpu",
  });
  return {
    title,
    repeats: 6,
    hasBatches: true,
    measures: [speed, memory, resident],
    ours: { script: "losses.mjs", args },
    peers: [peer("channels_last"), peer("contiguous")],
  };
}

function flags(options) {
  return Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
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
    hasBatches: true,
    measures: [speed],
    ours: on("onnxruntime"),
    peers: [{ name: "tfjs-node", runtime: "tfjs-node", on: "cpu", ...on("tensorflow") }],
  };
}

/** Every kind of quantizer that is meant for very many codes; Gumbel-softmax draws a number for each and is not. */
const largeKinds = {
  vq: "straight-through VQ",
  rotation: "rotation-trick VQ",
  simvq: "a linearly transformed codebook",
  ema: "moving averages",
  sphere: "codes at length 1",
  "ema-sphere": "moving averages at length 1",
  frozen: "a frozen table",
  "inner-product": "the largest inner product",
  ibq: "the gradient of a softmax over all codes",
  entropy: "inner products with the entropy loss over all codes",
  diveq: "DiVeQ with noise",
  nsvq: "NSVQ",
  fsq: "FSQ, six levels of 8",
  fsp: "FSP, six levels of 8",
  lfq: "LFQ, 18 bits with their joint entropy",
  bsq: "BSQ, 18 bits with entropies bit by bit",
};

/**
 * All races by name: what is measured, our side, and the peers. Scripts are in bench/ours and bench/peers; a peer runs in
 * PyTorch unless it names another runtime of race.mjs, and on every device unless `on` names the one ("cpu" or "gpu").
 */
export const benchmarks = {
  "train-step": autoencoder("train", 64, "forward, backward and Adam update of a VQ autoencoder"),
  "train-step-narrow": autoencoder("train", 16, "the same with a quarter of the widths"),
  encoder: autoencoder("encode", 64, "images to indices with the autoencoder of train-step"),
  "base-train": base("train", "train-step of the preset base, width 64, 128×128, batch 4"),
  "base-encode": base("encode", "images to indices with the model of base-train"),
  "base-decode": base("decode", "indices to images with the model of base-train"),
  "vqgan-train": vqgan("train", 64, "train-step of the preset vqgan, width 64, 128×128, batch 4", {
    side: 128,
    batch: 4,
  }),
  "vqgan-encode": vqgan("encode", 128, "images to indices, preset vqgan, width 128, 256×256, batch 1", {
    side: 256,
    batch: 1,
  }),
  "vqgan-decode": vqgan("decode", 128, "indices to images with the model of vqgan-encode", {
    side: 256,
    batch: 1,
  }),
  "perceptual-train": losses("perceptual", "train-step at batch 16 with LPIPS over VGG16"),
  "adversarial-train": losses("adversarial", "train-step at batch 16 against PatchGAN, adaptive weight"),
  "encode-folder": encodeFolder("JPEG files to .npy files: decode, scale to 256×256, encode, write"),
  "quantizer-vq": quantizer("vq", 65_536, "straight-through VQ, K = 65,536"),
  "quantizer-rotation": quantizer("rotation", 65_536, "rotation-trick VQ, K = 65,536"),
  "quantizer-simvq": quantizer("simvq", 65_536, "VQ with a linearly transformed codebook, K = 65,536"),
  "quantizer-fsq": quantizer("fsq", 64_000, "FSQ with levels [8,8,8,5,5,5], 64,000 codes"),
  ...Object.fromEntries(
    Object.entries(largeKinds).map(([kind, title]) => [`large-${kind}`, largeQuantizer(kind, title)]),
  ),
  overhead: {
    title: "a training step's time beyond ONNX Runtime's own, against recording every step",
    repeats: 60,
    measures: [{ key: "overhead", unit: "ms", better: "lower" }],
    ours: { script: "overhead.mjs", args: ["--mode", "repeated"] },
    peers: [
      {
        name: "vqkit, recorded anew",
        runtime: "vqkit",
        on: "cpu",
        script: "overhead.mjs",
        args: ["--mode", "recorded"],
      },
    ],
  },
  "engines-train-step": engines("train", "train-step on both engines of vqkit"),
  "engines-encoder": engines("encode", "encoder on both engines of vqkit"),
};
