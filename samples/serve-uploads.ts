/**
 * Serves a tokenizer over HTTP: an uploaded image becomes integers, or its reconstruction. The model runs in a worker
 * thread, so the server answers others meanwhile.
 *
 *     npm run build && node dist/samples/serve-uploads.js runs/mine
 *     curl --data-binary @photo.jpg http://127.0.0.1:8181/encode
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { messageOf, Tokenizer, VqkitError } from "vqkit";

const MAX_BODY_BYTES = 20 * 2 ** 20;
const DEADLINE_MS = 30_000;
/** Every image is scaled and cropped to this; of more pixels than `maxPixels` none is decoded. */
const images = { size: 256, maxPixels: 50_000_000 } as const;

/** Every error of vqkit that is the upload's fault, and the status that says so. */
const STATUS: Readonly<Record<string, number>> = { busy: 503, data: 422, config: 422 };

/** @returns where it listens, and how it ends: answers what has begun, then the threads */
export async function serveUploads(model: string, { port = 8181, workers = 1 } = {}) {
  const tokenizer = await Tokenizer.load(model, { workers, maxQueue: 32 });
  const server = createServer(
    { requestTimeout: DEADLINE_MS, headersTimeout: 10_000 },
    (request, response) => {
      respond(tokenizer, request, response).catch((error: unknown) => fail(response, error));
    },
  );
  await new Promise<void>((ready) => server.listen(port, "127.0.0.1", ready));
  const close = async () => {
    await new Promise((closed) => server.close(closed).closeIdleConnections());
    await tokenizer.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close };
}

async function respond(tokenizer: Tokenizer, request: IncomingMessage, response: ServerResponse) {
  const route = `${request.method} ${request.url}`;
  if (route === "GET /health") return answer(response, 200, { model: tokenizer.fingerprint });
  if (route !== "POST /encode" && route !== "POST /reconstruct")
    return answer(response, 404, { error: "no such page" });
  const left = new AbortController();
  response.once("close", () => left.abort(new Error("the client has left")));
  const options = { ...images, signal: AbortSignal.any([left.signal, AbortSignal.timeout(DEADLINE_MS)]) };
  const upload = await bodyOf(request);
  if (upload === undefined) {
    response.setHeader("connection", "close"); // the rest of the body is not read
    return answer(response, 413, { error: `expected at most ${MAX_BODY_BYTES} bytes` });
  }
  if (route === "POST /reconstruct") {
    const image = await tokenizer.reconstruct(upload, options);
    response.writeHead(200, { "content-type": "image/png" }).end(await image.toSharp().png().toBuffer());
    return;
  }
  const { indices, shape, codebookSize, fingerprint } = await tokenizer.encode(upload, options);
  answer(response, 200, { indices: Array.from(indices), shape, codebookSize, fingerprint });
}

/** The whole body; undefined once it is too large. */
async function bodyOf(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

function fail(response: ServerResponse, error: unknown) {
  if (response.destroyed || response.headersSent) return void response.destroy();
  const known = error instanceof VqkitError ? STATUS[error.code] : undefined;
  const status = known ?? ((error as Error).name === "TimeoutError" ? 504 : 500);
  if (status === 500) console.error(error);
  if (status === 503) response.setHeader("retry-after", "1");
  answer(response, status, { error: status === 500 ? "something went wrong" : messageOf(error) });
}

function answer(response: ServerResponse, status: number, body: object) {
  response.writeHead(status, { "content-type": "application/json" }).end(`${JSON.stringify(body)}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [model = "runs/mine", port = "8181"] = process.argv.slice(2);
  const { url, close } = await serveUploads(model, { port: Number(port) });
  console.log(url);
  for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => void close());
}
