import { type ProbeOutcome, probe } from "./device-probe.js";
import { BackendError } from "./errors.js";
import type { WebGpuLimits } from "./onnx/webgpu-limits.js";
import { listSupportedBackends, type SessionOptions } from "./onnxruntime.js";
import { runtimeSeries } from "./runtime-package.js";

/** What ONNX Runtime can compute on: the processor, any GPU through WebGPU, or one of NVIDIA's through CUDA. */
export const deviceNames = ["cpu", "webgpu", "cuda"] as const;
export type DeviceName = (typeof deviceNames)[number];

/** Whether a device can be used here and, if not, why, in one line. */
export interface DeviceStatus {
  readonly name: DeviceName;
  readonly usable: boolean;
  /** Which GPU it is, where the driver tells; null otherwise and for the CPU. */
  readonly adapter: string | null;
  readonly reason: string | null;
}

/** The execution provider of a device, in ONNX Runtime's session options; what it has no kernel for the CPU computes. */
export function sessionOptionsOf(device: DeviceName): SessionOptions {
  return { executionProviders: [device] };
}

/** What a graph's own session options depend on. */
export interface GraphTraits {
  readonly webGpuLimits: WebGpuLimits;
  /** Names of outputs that may stay in the device's memory. */
  readonly keptOutputs: readonly string[];
}

/**
 * Session options for a graph, given those for all graphs. Only WebGPU takes wishes for single graphs, and only there
 * is something to wish; values that CUDA computes come back to the CPU after each run.
 */
export function onDevice(
  options: SessionOptions,
  { webGpuLimits: { cpuNodes, preferredLayout }, keptOutputs }: GraphTraits,
): SessionOptions {
  if (!usesWebGpu(options)) return options;
  return {
    ...options,
    executionProviders: options.executionProviders?.map((provider) => {
      if (nameOf(provider) !== "webgpu") return provider;
      const config = typeof provider === "string" ? { name: provider } : provider;
      // An empty list is refused.
      const forced = cpuNodes.length === 0 ? {} : { forceCpuNodeNames: cpuNodes };
      return { ...config, ...forced, preferredLayout };
    }) as NonNullable<SessionOptions["executionProviders"]>,
    preferredOutputLocation: Object.fromEntries(keptOutputs.map((name) => [name, "gpu-buffer" as const])),
  };
}

/** Whether session options ask for the WebGPU provider. */
export function usesWebGpu({ executionProviders = [] }: SessionOptions): boolean {
  return executionProviders.some((provider) => nameOf(provider) === "webgpu");
}

/** Whether all is computed by the processor, so that values are there to be worked on between runs. */
export function usesCpuAlone({ executionProviders = [] }: SessionOptions): boolean {
  return executionProviders.every((provider) => nameOf(provider) === "cpu");
}

function nameOf(provider: NonNullable<SessionOptions["executionProviders"]>[number]): string {
  return typeof provider === "string" ? provider : provider.name;
}

const checked = new Map<DeviceName, Promise<string | null>>();

/**
 * Makes sure that a device computes, by a small graph that may not fall back to the CPU.
 *
 * @returns which GPU it is, where the driver tells
 * @throws BackendError that says in one line why the device cannot be used and how it could
 */
export function checkDevice(device: DeviceName): Promise<string | null> {
  const known = checked.get(device);
  if (known !== undefined) return known;
  const result = examine(device);
  checked.set(device, result);
  // A driver may be installed meanwhile.
  result.catch(() => checked.delete(device));
  return result;
}

/** All devices. Starts a process for each but the CPU, so that no driver is loaded into this one. */
export function deviceStatuses(): Promise<DeviceStatus[]> {
  return Promise.all(
    deviceNames.map(async (name): Promise<DeviceStatus> => {
      try {
        return { name, usable: true, adapter: await checkDevice(name), reason: null };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return { name, usable: false, adapter: null, reason };
      }
    }),
  );
}

async function examine(device: DeviceName): Promise<string | null> {
  if (device === "cpu") return null;
  const unusable = (reason: string) =>
    new BackendError(
      "runtime",
      `Device "${device}" is not usable: ${reason}, or compute on the processor (option device: "cpu").`,
    );
  if (!deviceNames.includes(device)) {
    throw new BackendError("runtime", `device: expected ${deviceNames.join(", ")}, got "${device}".`);
  }
  if (!listSupportedBackends().some(({ name }) => name === device)) {
    throw unusable(
      `the installed ONNX Runtime has no such provider for ${process.platform} ${process.arch}. Take another machine`,
    );
  }
  const outcome = await probe(device);
  if (outcome.error === null) return outcome.adapter;
  throw unusable(device === "cuda" ? cudaReason(outcome) : webgpuReason(outcome, process.platform));
}

/** What is missing for WebGPU and how to get it, told from what the probe said. */
export function webgpuReason({ error, output }: ProbeOutcome, platform: NodeJS.Platform): string {
  if (!/Failed to get a WebGPU adapter|Couldn't load Vulkan/.test(`${error}${output}`)) return other(error);
  if (platform === "darwin") return "no adapter was found. It needs a Mac with Metal";
  if (platform === "win32") return "no adapter was found. Install the graphics card's driver (Direct3D 12)";
  const driver = "a Vulkan driver (mesa-vulkan-drivers on Debian and Ubuntu, or the card maker's)";
  // What the loader says of NVIDIA's driver where there is no display, and so none of what it is linked with.
  if (/Could not get 'vkCreateInstance' .* ICD libGLX_nvidia/.test(output)) {
    return "NVIDIA's Vulkan driver is there and does not load. Install libegl1 and libgl1, which it needs";
  }
  return /Couldn't load Vulkan/.test(output)
    ? `no adapter was found, because the Vulkan loader libvulkan.so.1 is missing. Install libvulkan1 and ${driver}`
    : `no adapter was found among the Vulkan drivers. Install ${driver}`;
}

/** The same for CUDA. */
export function cudaReason({ error, output }: ProbeOutcome): string {
  const missing = /([\w.+-]+\.so[\w.]*): cannot open shared object file/.exec(output)?.[1];
  if (missing === undefined) return other(error);
  return missing.startsWith("libonnxruntime_providers")
    ? `its provider, which onnxruntime-node downloads in an install script, is not there. Run npm install onnxruntime-node@~${runtimeSeries}.0 and npm rebuild onnxruntime-node --ignore-scripts=false, and install CUDA 12 with cuDNN 9`
    : `its library ${missing} is missing. Install CUDA 12 with cuDNN 9`;
}

function other(error: string | null): string {
  // Sources' paths and templates say nothing to who reads the message.
  const text =
    (error ?? "")
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^\/\S+ .*? was false\. /, "") ?? "";
  return `its probe failed (${text.replace(/\.$/, "")}). Check its driver`;
}
