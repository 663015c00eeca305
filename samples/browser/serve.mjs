#!/usr/bin/env node
/**
 * Serves the page to this machine only: node samples/browser/serve.mjs [MODEL_DIR] [--port N]
 *
 * Any static server does that serves the project's folder; this one also shows a folder of an export under /model/.
 */
import { createReadStream } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { parseArgs } from "node:util";

const types = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".mjs": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".onnx": "application/octet-stream",
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { port: { type: "string", default: "8080" } },
});
const [modelDir] = positionals;

/** What is served, by the start of the path. */
const folders = new Map([["/samples/browser/", import.meta.dirname]]);
try {
  const runtime = createRequire(import.meta.url).resolve("onnxruntime-web/wasm");
  folders.set("/node_modules/onnxruntime-web/dist/", path.dirname(runtime));
} catch {
  fail("onnxruntime-web: expected to find it installed. Run npm ci, or npm install onnxruntime-web.");
}
if (modelDir !== undefined) {
  const found = await stat(path.join(modelDir, "encoder.onnx")).catch(() => undefined);
  if (found === undefined) fail(`${modelDir}: expected encoder.onnx of vqkit export --to onnx, got none.`);
  folders.set("/model/", path.resolve(modelDir));
}

const server = createServer(async (request, response) => {
  const file = await fileOf(new URL(request.url ?? "/", "http://localhost").pathname);
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (file === undefined || !isRead) {
    response.writeHead(isRead ? 404 : 405).end();
    return;
  }
  response.writeHead(200, {
    "Content-Type": types[path.extname(file.name)] ?? "application/octet-stream",
    "Content-Length": file.size,
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
  });
  if (request.method === "HEAD") response.end();
  else createReadStream(file.name).pipe(response);
});

server.on("error", (error) => fail(`--port ${values.port}: ${error.message}. Choose another.`));
server.listen(Number(values.port), "127.0.0.1", () => {
  const query = modelDir === undefined ? "" : "?model=/model";
  console.log(`http://127.0.0.1:${server.address().port}/samples/browser/${query}`);
});

/** The file that a path stands for: only below the folders served, also after links have been followed. */
async function fileOf(pathname) {
  for (const [start, folder] of folders) {
    if (!pathname.startsWith(start)) continue;
    try {
      const rest = decodeURIComponent(pathname.slice(start.length)) || "index.html";
      const root = await realpath(folder);
      const name = await realpath(path.join(root, rest));
      const status = await stat(name);
      return name.startsWith(root + path.sep) && status.isFile() ? { name, size: status.size } : undefined;
    } catch {
      return undefined;
    }
  }
  return undefined;
}

function fail(message) {
  console.error(`error: ${message}`);
  process.exit(1);
}
