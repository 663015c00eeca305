import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { BackendError } from "./errors.js";
import { packageVersion } from "./package-version.js";
import type { SessionFactory, TensorConstructor } from "./runtime-types.js";

const require = createRequire(import.meta.url);

/** What the engine uses of ONNX Runtime. */
export interface OnnxRuntime {
  readonly InferenceSession: SessionFactory;
  readonly Tensor: TensorConstructor;
  listSupportedBackends(): { readonly name: string; readonly bundled: boolean }[];
}

/** A package that has ONNX Runtime for Node. */
export interface RuntimePackage {
  readonly name: string;
  readonly version: string;
}

/** ONNX Runtime's for every platform, with all that its install script downloads: CUDA. */
const wholePackage = "onnxruntime-node";

/** What this version of vqkit has been tested with: kernels and their rounding differ between releases. */
export const runtimeSeries = "1.30";

/** Where ONNX Runtime's libraries can be had: `linux-x64` has the package `@vqkit/onnxruntime-linux-x64`. */
export const runtimePlatforms = [
  "darwin-arm64",
  "linux-arm64",
  "linux-x64",
  "win32-arm64",
  "win32-x64",
] as const;

/** The name of the package that holds ONNX Runtime's libraries for one platform. */
export function enginePackage(platform: string): string {
  return `@vqkit/onnxruntime-${platform}`;
}

/** Finds installed packages; a test replaces it. */
export interface Installation {
  /** @returns undefined when the package is not installed */
  versionOf(name: string): string | undefined;
  /** Whether its install script has brought the libraries for CUDA. */
  hasCuda(name: string): boolean;
}

const installed: Installation = {
  versionOf(name) {
    try {
      return packageVersion(name);
    } catch {
      return undefined;
    }
  },
  hasCuda(name) {
    const folder = path.dirname(require.resolve(`${name}/package.json`));
    // Its makers offer them for this platform alone.
    return existsSync(path.join(folder, "bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so"));
  },
};

/**
 * Chooses among the installed packages: the platform's own; onnxruntime-node in its place where that has CUDA or is all
 * that there is. Another release of onnxruntime-node, which some other package may have brought, is not taken.
 *
 * @throws BackendError that names the package to install
 */
export function findRuntime({ versionOf, hasCuda }: Installation = installed): RuntimePackage {
  const whole = versionOf(wholePackage);
  const fitting = whole?.startsWith(`${runtimeSeries}.`) ? { name: wholePackage, version: whole } : undefined;
  if (fitting !== undefined && hasCuda(wholePackage)) return fitting;
  const own = enginePackage(`${process.platform}-${process.arch}`);
  const version = versionOf(own);
  if (version !== undefined) return { name: own, version };
  if (fitting !== undefined) return fitting;
  throw new BackendError("runtime", `Engine "onnxruntime" is not usable: ${missing(own, whole)}`);
}

function missing(own: string, other: string | undefined): string {
  const known: readonly string[] = runtimePlatforms;
  const platform = `${process.platform}-${process.arch}`;
  if (!known.includes(platform) || isMusl()) {
    const here = isMusl() ? `${platform} with musl` : platform;
    return `ONNX Runtime has no libraries for ${here}. Take one of ${known.join(", ")}, on Linux with glibc.`;
  }
  const found = other === undefined ? "" : `, and ${wholePackage} ${other} is another release`;
  return `its package ${own} is not installed${found}. Run npm install ${own}@~${runtimeSeries}.0 (npm leaves it out with --omit=optional, or when packages are installed on another platform).`;
}

function isMusl(): boolean {
  if (process.platform !== "linux") return false;
  const { header } = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime === undefined;
}

let loaded: { readonly runtime: OnnxRuntime; readonly from: RuntimePackage } | undefined;

/**
 * Loads ONNX Runtime when it is first used: nothing else needs its libraries.
 *
 * @throws BackendError that says in one line what is not installed or does not load
 */
export function loadRuntime(): { readonly runtime: OnnxRuntime; readonly from: RuntimePackage } {
  if (loaded !== undefined) return loaded;
  const from = findRuntime();
  try {
    loaded = { runtime: require(from.name) as OnnxRuntime, from };
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : String(error);
    throw new BackendError(
      "runtime",
      `Engine "onnxruntime" is not usable: ${from.name} ${from.version} does not load (${reason}).`,
      { cause: error },
    );
  }
  return loaded;
}

/** The file that loads the runtime in another process. */
export function runtimeEntry(): string {
  return require.resolve(findRuntime().name);
}
