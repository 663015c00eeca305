import { beforeAll, describe, expect, it, test } from "vitest";
import { adapterIn, probe } from "../../src/backend/device-probe.js";
import { cudaReason, onDevice, webgpuReason } from "../../src/backend/devices.js";
import { type DeviceName, deviceStatuses, selectEngine } from "../../src/backend/index.js";
import { GraphBuilder } from "../../src/backend/onnx/graph-builder.js";
import { Value } from "../../src/backend/onnx/value.js";
import * as tf from "../../src/tf/index.js";
import { useEngine } from "../engine.js";

beforeAll(useEngine);

const statuses = await deviceStatuses();
const missing = statuses.filter(({ usable }) => !usable).map(({ name }) => name);

describe("choosing a device", () => {
  it("takes the CPU unasked, and says so", async () => {
    expect(await selectEngine({ threads: 1 })).toMatchObject({ device: "cpu", adapter: null });
    expect(statuses[0]).toEqual({ name: "cpu", usable: true, adapter: null, reason: null });
  });

  it.skipIf(missing.length === 0)(
    "one that is not there: one line, and the engine in use stays",
    async () => {
      const x = tf.tensor([3, 5, 7]);
      for (const device of missing) {
        const error: unknown = await selectEngine({ device, threads: 1 }).catch((reason: unknown) => reason);
        expect(error).toMatchObject({ name: "BackendError", code: "runtime" });
        // "." matches no line break.
        expect((error as Error).message).toMatch(
          new RegExp(
            `^Device "${device}" is not usable: .*, or compute on the processor \\(option device: "cpu"\\)\\.$`,
          ),
        );
        expect(statuses.find(({ name }) => name === device)?.reason).toBe((error as Error).message);
      }
      const doubled = x.mul(2);
      expect([...(await doubled.data())]).toEqual([6, 10, 14]);
      tf.dispose([x, doubled]);
    },
  );

  it("refuses a name that it does not know, and a GPU for tfjs-node", async () => {
    await expect(selectEngine({ device: "gpu" as DeviceName })).rejects.toThrow(
      'device: expected cpu, webgpu, cuda, got "gpu".',
    );
    await expect(selectEngine({ engine: "tensorflow", device: "webgpu" })).rejects.toThrow(
      /^Device "webgpu" is not usable with engine "tensorflow"/,
    );
  });
});

describe("the probe", () => {
  it("is refused a graph that would be computed on the CPU", async () => {
    // In a process of its own, which loads ONNX Runtime and creates a session up to that point.
    expect((await probe("cpu")).error).toMatch(/fallback to CPU EP has been explicitly disabled/);
  });

  it("tells why it failed", async () => {
    expect((await probe("nonsense")).error).toMatch(/\[nonsense\] backend not found/);
  });

  it("reads the adapter from what the Vulkan loader says", () => {
    const list = (names: string[]) =>
      [
        "[Vulkan Loader] INFO | DRIVER:  linux_read_sorted_physical_devices:",
        "[Vulkan Loader] INFO | DRIVER:       Original order:",
        ...names.map((name, i) => `[Vulkan Loader] INFO | DRIVER:             [${i}] ${name}`),
        "[Vulkan Loader] INFO | DRIVER:       Sorted order:",
        ...names.map((name, i) => `[Vulkan Loader] INFO | DRIVER:             [${i}] ${name}  `),
        "",
      ].join("\n");
    expect(adapterIn(list(["SwiftShader Device (Subzero)"]).repeat(2))).toBe("SwiftShader Device (Subzero)");
    expect(adapterIn(list(["NVIDIA T4", "llvmpipe"]))).toBe("one of NVIDIA T4, llvmpipe");
    expect(adapterIn("")).toBeNull();
  });
});

// What ONNX Runtime 1.30 and Dawn say, shortened.
const noAdapter =
  "/src/webgpu_context.cc:136 Initialize() adapter_result.status == Success was false. Failed to get a WebGPU adapter: No supported adapters\n";
const outcome = (error: string, output = "") => ({ error, output, adapter: null });

test("a missing adapter: what to install depends on the system and on what is there", () => {
  const noLoader = "Warning: Couldn't load Vulkan: libvulkan.so.1: cannot open shared object file\n";
  expect(webgpuReason(outcome(noAdapter, noLoader), "linux")).toMatch(
    /Install libvulkan1 and a Vulkan driver/,
  );
  expect(webgpuReason(outcome(noAdapter), "linux")).toMatch(
    /among the Vulkan drivers\. Install a Vulkan driver/,
  );
  const unlinked =
    "ERROR:            loader_scanned_icd_add: Could not get 'vkCreateInstance' via 'vk_icdGetInstanceProcAddr' for ICD libGLX_nvidia.so.0\nWarning: vkCreateInstance: Found no drivers!\n";
  expect(webgpuReason(outcome(noAdapter, unlinked), "linux")).toBe(
    "NVIDIA's Vulkan driver is there and does not load. Install libegl1 and libgl1, which it needs",
  );
  expect(webgpuReason(outcome(noAdapter), "win32")).toMatch(/Direct3D 12/);
  expect(webgpuReason(outcome(noAdapter), "darwin")).toMatch(/Metal/);
  expect(webgpuReason(outcome("its process ended with SIGSEGV"), "linux")).toBe(
    "its probe failed (its process ended with SIGSEGV). Check its driver",
  );
});

test("missing CUDA: the provider's own file, or a library of NVIDIA's", () => {
  const load = (file: string) =>
    `Failed to load library with error: /somewhere/${file}: cannot open shared object file: No such file or directory`;
  expect(cudaReason(outcome("", load("libonnxruntime_providers_shared.so")))).toMatch(
    /npm rebuild onnxruntime-node/,
  );
  expect(cudaReason(outcome("", load("libcudnn.so.9")))).toBe(
    "its library libcudnn.so.9 is missing. Install CUDA 12 with cuDNN 9",
  );
});

describe("what a graph asks of WebGPU", () => {
  const conv = (inputs: number, outputs: number, pads = [1, 1, 1, 1]) => {
    const g = new GraphBuilder();
    const x = g.channelsFirst(g.input("x", [1, 5, 7, inputs], "float32"));
    // [3, 3, I, O] → [O, I, 3, 3]
    const filter = g.transposeName(
      g.plain(g.input("filter", [3, 3, inputs, outputs], "float32")),
      [3, 2, 0, 1],
    );
    const attributes = { kernel_shape: [3, 3], strides: [1, 1], dilations: [1, 1], pads, group: 1 };
    g.output(g.fromChannelsFirst(g.op("Conv", [x, filter], attributes), [1, 5, 7, outputs], "float32"));
    return g.webGpuLimits().preferredLayout;
  };

  it("convolutions that go wrong as [N, H, W, C] are computed as [N, C, H, W]", () => {
    expect(conv(6, 8)).toBe("NCHW");
    expect(conv(15, 4)).toBe("NCHW");
    expect([conv(3, 8), conv(12, 8), conv(6, 5), conv(64, 128)]).toEqual(["NHWC", "NHWC", "NHWC", "NHWC"]);
    expect(conv(8, 8, [0, 0, 1, 1])).toBe("NCHW");
  });

  it("a slice that runs backwards stays on the CPU, one that runs forwards does not", () => {
    const slice = (step: number) => {
      const g = new GraphBuilder();
      const x = g.plain(g.input("x", [6, 7], "float32"));
      const [from, to] =
        step < 0
          ? [
              [1, 5],
              [6, 0],
            ]
          : [
              [1, 0],
              [6, 5],
            ];
      const name = g.op("Slice", [x, g.int64(from), g.int64(to), g.int64([0, 1]), g.int64([2, step])]);
      g.output(new Value(name, [3, 3], "float32"));
      return g.webGpuLimits().cpuNodes.map((node) => node === name);
    };
    expect(slice(-2)).toEqual([true]);
    expect(slice(2)).toEqual([]);
  });

  it("session options tell it, on WebGPU only", () => {
    const graph = {
      webGpuLimits: { cpuNodes: ["v7"], preferredLayout: "NCHW" },
      keptOutputs: ["v9"],
    } as const;
    expect(onDevice({ executionProviders: ["webgpu"], logSeverityLevel: 3 }, graph)).toEqual({
      executionProviders: [{ name: "webgpu", forceCpuNodeNames: ["v7"], preferredLayout: "NCHW" }],
      preferredOutputLocation: { v9: "gpu-buffer" },
      logSeverityLevel: 3,
    });
    for (const options of [{}, { executionProviders: ["cuda"] }])
      expect(onDevice(options, graph)).toBe(options);
  });
});
