// The page of a model from the installed package, for tools/check-package.mjs.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { npm, program } from "./folder.mjs";

/** Without its runtime the page is refused in one line. */
export function checkTryRefused(folder, model) {
  const { status, stderr } = program(folder, ["try", model, "--port", "0"], { mayFail: true });
  const line = stderr.trim();
  if (status !== 1 || line.includes("\n") || !line.includes("npm install onnxruntime-web"))
    throw new Error(
      `vqkit try: expected exit code 1 and one line that says what to install, got ${status}: ${line}`,
    );
  return line;
}

/** Serves the page, fetches it and all that a browser would of it, and ends it. @returns what was fetched, in words */
export async function checkTry(folder, model, { runtime }) {
  npm(["install", "--ignore-scripts", "--no-audit", "--no-fund", `onnxruntime-web@${runtime}`], folder);
  const cli = path.join(folder, "node_modules/vqkit/dist/cli/main.js");
  const child = spawn(process.execPath, [cli, "try", model, "--port", "0"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise((resolve) => child.on("close", resolve));
  try {
    const url = await Promise.race([
      addressFrom(child),
      ended.then((code) => failed(`it ended with ${code}`)),
    ]);
    const own = readFileSync(path.join(folder, "node_modules/vqkit/samples/browser/index.html"), "utf8");
    const page = await fetched(url);
    if (page.toString() !== own) failed("/: expected samples/browser/index.html, got another page");
    const encoder = await fetched(new URL("/model/encoder.onnx", url));
    if (!encoder.includes("vqkit-onnx")) failed("/model/encoder.onnx: expected the exported model");
    const wasm = await fetched(new URL("/runtime/ort-wasm-simd-threaded.wasm", url));
    if (!wasm.subarray(0, 4).equals(Buffer.from("\0asm"))) failed("expected the runtime in WebAssembly");
    for (const name of ["main.mjs", "style.css", "coffee.jpg"]) await fetched(new URL(`/${name}`, url));
    child.kill("SIGINT");
    const code = await ended;
    if (code !== 0) failed(`expected exit code 0 when it is interrupted, got ${code}`);
    return `page of ${page.length} bytes, encoder of ${encoder.length}, runtime of ${(wasm.length / 1e6).toFixed(1)} MB`;
  } finally {
    child.kill("SIGKILL");
  }
}

function addressFrom(child) {
  return new Promise((resolve) => child.stdout.once("data", (text) => resolve(String(text).trim())));
}

async function fetched(url) {
  const answer = await fetch(url);
  if (answer.status !== 200) failed(`${url}: expected an answer, got status ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

function failed(what) {
  throw new Error(`vqkit try: ${what}.`);
}
