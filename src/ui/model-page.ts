import { readdir, realpath } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { VqkitError } from "../core/errors.js";
import { readWhole } from "../files/index.js";
import { type Answer, fileAnswer, tagOf } from "./answers.js";
import { type LocalServer, type Served, serveLocally } from "./local-server.js";
import { versionOfFile } from "./run-files.js";

export interface ServeModelPageOptions {
  /** A folder with encoder.onnx and decoder.onnx, as `exportOnnx` writes them with bytes as pixels. */
  readonly model: string;
  /** The folder of onnxruntime-web's files, as `findWebRuntime` returns it. */
  readonly runtime: string;
  /** 0..65535; 0: any that is free. Default 6161. */
  readonly port?: number;
  /** Told of a defect; the browser is told no more than that there was one. */
  readonly onError?: (error: unknown) => void;
}

export const DEFAULT_MODEL_PORT = 6161;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".jpg": "image/jpeg",
};

/** The page's own style, scripts, pictures and what it compiles of WebAssembly; nothing of anyone else's. */
const POLICY =
  "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' blob:; connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/** With the opener's policy, which every page here has, this gives a page threads. */
const ISOLATED = { "cross-origin-embedder-policy": "require-corp" } as const;

/** What the page loads of onnxruntime-web. */
const RUNTIME = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"] as const;
/** The photograph that the page begins with. */
const PHOTOGRAPH = "coffee.jpg";
/** ONNX files have at most 2 GiB. */
const MAX_BYTES = 2 ** 31;

/**
 * Serves a page that runs an exported model in the browser: an image, its grid of indices, its reconstruction and what
 * is lost. Heard on this machine only (127.0.0.1), as `serveRuns`; asks nothing of any other.
 *
 * @returns its address, which opens the page with the model
 * @throws VqkitError("run") when the folder has no such files; ConfigError("port") for a
 * port that cannot be had
 */
export async function serveModelPage(options: ServeModelPageOptions): Promise<LocalServer> {
  const { model, runtime, port = DEFAULT_MODEL_PORT, onError } = options;
  const files = new Map([
    ...(await pageFiles()),
    ...(await modelFiles(model)),
    ...RUNTIME.map((name) => [`/runtime/${name}`, path.join(runtime, name)] as const),
  ]);
  const served = new FixedFiles(files);
  const server = await serveLocally(served, {
    port,
    headers: ISOLATED,
    ...(onError === undefined ? {} : { onError }),
  });
  const photograph = files.has(`/${PHOTOGRAPH}`) ? `&image=${PHOTOGRAPH}` : "";
  return { ...server, url: `${server.url}?model=model${photograph}` };
}

/**
 * Finds onnxruntime-web as programs in some folders would, in their order.
 *
 * @returns the folder of its files
 * @throws VqkitError("engine") where it is not installed
 */
export function findWebRuntime(folders: readonly string[]): string {
  for (const folder of folders) {
    try {
      const program = path.join(path.resolve(folder), "any.js");
      return path.dirname(createRequire(program).resolve("onnxruntime-web/wasm"));
    } catch {
      // Not from there.
    }
  }
  throw new VqkitError(
    "engine",
    "onnxruntime-web: expected the package that the page runs the model on, got none. Run npm install onnxruntime-web.",
  );
}

/** Files by their addresses. No part of an address becomes one of a path: what is not listed is not there. */
class FixedFiles implements Served {
  readonly #files: ReadonlyMap<string, string>;

  constructor(files: ReadonlyMap<string, string>) {
    this.#files = files;
  }

  async answer(target: string, known?: string): Promise<Answer> {
    const [address = "/"] = target.split("?");
    const file = this.#files.get(address);
    const version = file === undefined ? undefined : await versionOfFile(file);
    if (file === undefined || version === undefined) {
      return {
        ...fileAnswer("text/plain; charset=utf-8", "There is nothing of this address.\n"),
        status: 404,
      };
    }
    const type = TYPES[path.extname(file)] ?? "application/octet-stream";
    const tag = tagOf(file, version);
    if (tag === known) return { status: 304, type, body: "", policy: POLICY, tag };
    return { status: 200, type, body: await readWhole(file, MAX_BYTES), policy: POLICY, tag };
  }
}

async function pageFiles(): Promise<(readonly [address: string, file: string])[]> {
  const samples = path.join(
    path.dirname(createRequire(import.meta.url).resolve("vqkit/package.json")),
    "samples",
  );
  const page = path.join(samples, "browser");
  const names = (await readdir(page)).filter((name) => path.extname(name) in TYPES);
  const photograph = path.join(samples, "photos", PHOTOGRAPH);
  const isThere = (await versionOfFile(photograph)) !== undefined;
  return [
    ["/", path.join(page, "index.html")],
    ...names.map((name) => [`/${name}`, path.join(page, name)] as const),
    ...(isThere ? [[`/${PHOTOGRAPH}`, photograph] as const] : []),
  ];
}

async function modelFiles(model: string): Promise<(readonly [address: string, file: string])[]> {
  const names = ["encoder.onnx", "decoder.onnx"];
  const files = await Promise.all(
    names.map((name) => realpath(path.join(model, name)).catch(() => undefined)), // a link that was named is meant
  );
  return files.map((file, i) => {
    if (file !== undefined) return [`/model/${names[i]}`, file] as const;
    throw new VqkitError(
      "run",
      `${model}: expected encoder.onnx and decoder.onnx, got no ${names[i]}. Export the model first.`,
    );
  });
}
