// Tries each entry of src/backend/onnx/webgpu-limits.ts on the WebGPU driver that is here: does ONNX Runtime's provider
// still refuse the node, or compute it wrongly? One line a graph, in the order of the list; a run without any "wrong" or
// "refused" under an entry says that it is no longer needed with this ONNX Runtime and driver.
// usage: npm run build && node tools/webgpu-limits.mjs
import { deviceStatuses, encodeModel, InferenceSession, OrtTensor } from "../dist/src/backend/index.js";
import { Random } from "../dist/src/core/random.js";

/** Graphs of one node: the operator, its attributes, and the dimensions of what it is fed. */
const entries = {
  "MaxPool with its second output": [
    node("MaxPool", { kernel_shape: [3, 2], strides: [2, 1] }, [[2, 3, 7, 8]], { outputs: 2 }),
    node("MaxPool", { kernel_shape: [2, 2], strides: [2, 2] }, [[1, 4, 4, 6]], { outputs: 2 }),
  ],
  "ConvTranspose of volumes": [
    node("ConvTranspose", { kernel_shape: [3, 2, 3], strides: [2, 2, 2] }, [
      [1, 3, 2, 3, 3],
      [3, 2, 3, 2, 3],
    ]),
    node("ConvTranspose", { kernel_shape: [2, 2, 2] }, [
      [2, 4, 3, 3, 4],
      [4, 5, 2, 2, 2],
    ]),
  ],
  "Slice of several axes, one backwards": [
    slice([6, 7], { starts: [1, 5], ends: [6, 0], axes: [0, 1], steps: [2, -2] }),
    slice([3, 5, 4], { starts: [0, 4, 1], ends: [3, -6, 4], axes: [0, 1, 2], steps: [1, -1, 1] }),
    slice([9], { starts: [8], ends: [-10], axes: [0], steps: [-1] }),
  ],
  "Conv from channels that are a multiple of 3 and not of 4, channels last": [6, 9, 15, 18].flatMap(
    (channels) =>
      [4, 8].map((outputs) =>
        convolution([2, channels, 6, 10], [outputs, channels, 3, 3], { pads: [1, 1, 1, 1] }),
      ),
  ),
  "Conv of an image as large as its filter, padded at the ends, channels last": [
    convolution([2, 4, 2, 2], [8, 4, 2, 2], { pads: [0, 0, 1, 1] }),
    convolution([1, 8, 4, 4], [4, 8, 4, 4], { pads: [0, 0, 1, 1] }),
  ],
  "ConvTranspose in groups, channels last": [
    node("ConvTranspose", { kernel_shape: [3, 3], group: 3, pads: [1, 1, 1, 1] }, [
      [2, 6, 6, 10],
      [6, 1, 3, 3],
    ]),
    node("ConvTranspose", { kernel_shape: [2, 2], group: 2, strides: [2, 2] }, [
      [1, 4, 5, 3],
      [4, 3, 2, 2],
    ]),
  ],
};

function node(opType, attributes, shapes, { outputs = 1, initializers = [] } = {}) {
  return { opType, attributes, shapes, outputs, initializers };
}

function convolution(image, filter, attributes) {
  return node("Conv", { kernel_shape: filter.slice(2), strides: [1, 1], ...attributes }, [image, filter]);
}

function slice(shape, lists) {
  const initializers = Object.entries(lists).map(([name, values]) => ({
    name,
    type: "int64",
    dims: [values.length],
    bytes: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
  }));
  return node("Slice", {}, [shape], { initializers });
}

const names = (prefix, count) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

function modelOf({ opType, attributes, shapes, outputs, initializers }) {
  const inputs = names("x", shapes.length);
  const made = names("y", outputs);
  const infos = (list, dims) => list.map((name, i) => ({ name, type: "float32", dims: dims(i) }));
  const graph = {
    name: opType,
    nodes: [
      { opType, inputs: [...inputs, ...initializers.map(({ name }) => name)], outputs: made, attributes },
    ],
    initializers,
    inputs: infos(inputs, (i) => shapes[i]),
    // The dimensions are inferred; only their number is said.
    outputs: infos(made, () => shapes[0].map((_, axis) => `d${axis}`)).map((info, i) => ({
      ...info,
      type: i === 0 ? "float32" : "int64",
    })),
  };
  return encodeModel(graph, { opset: 18, producer: "vqkit" });
}

async function computed(graph, provider) {
  const session = await InferenceSession.create(modelOf(graph), {
    executionProviders: [provider],
    logSeverityLevel: 4,
  });
  try {
    const feeds = graph.shapes.map((dims, i) => {
      const size = dims.reduce((product, side) => product * side, 1);
      const values = new Random(0, graph.opType, i).fill(size, (random) => random.normal());
      return [`x${i}`, new OrtTensor("float32", values, dims)];
    });
    const results = await session.run(Object.fromEntries(feeds));
    return Object.values(results).map(({ data }) => Array.from(data, Number));
  } finally {
    await session.release();
  }
}

/** right, wrong or refused, with what makes it so. */
async function outcomeOf(graph, preferredLayout) {
  const expected = await computed(graph, "cpu");
  let found;
  try {
    found = await computed(graph, { name: "webgpu", preferredLayout });
  } catch (error) {
    return `refused (${error.message.trim().split("\n")[0].slice(0, 120)})`;
  }
  const errors = expected.flatMap((list, output) =>
    list.map((value, i) => Math.abs(value - found[output]?.[i])),
  );
  const worst = errors.reduce((most, error) => (error > most || Number.isNaN(error) ? error : most), 0);
  return worst <= 1e-3 ? "right" : `wrong (by ${worst.toPrecision(3)})`;
}

const [webgpu] = (await deviceStatuses()).filter(({ name }) => name === "webgpu");
if (!webgpu.usable) {
  console.error(webgpu.reason);
  process.exit(1);
}
console.log(`WebGPU on ${webgpu.adapter ?? "an adapter without a name"}; beside it the CPU provider`);
for (const [title, graphs] of Object.entries(entries)) {
  console.log(title);
  for (const graph of graphs) {
    const shapes = graph.shapes.map((dims) => `[${dims}]`).join(" ");
    const last = await outcomeOf(graph, "NHWC");
    const first = title.endsWith("channels last")
      ? `; channels first: ${await outcomeOf(graph, "NCHW")}`
      : "";
    console.log(`  ${graph.opType} ${shapes}: ${last}${first}`);
  }
}
