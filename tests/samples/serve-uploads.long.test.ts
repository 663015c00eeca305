import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import path from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Tokenizer } from "../../src/tokenizer/index.js";
import { noise, temporaryFolder } from "../data/temporary.js";
import { useEngine } from "../engine.js";
import { modelFile, quantizers } from "../tokenizer/model.js";

/** As a process of its own, from the built package: its worker threads are not to start from these sources. */
const program = path.resolve(import.meta.dirname, "../../dist/samples/serve-uploads.js");
const folder = await temporaryFolder();
let server: ChildProcess;
let url: string;
let here: Tokenizer;
let upload: Uint8Array<ArrayBuffer>;
const wrong: string[] = [];

beforeAll(async () => {
  await useEngine();
  const model = await modelFile(folder, quantizers.rotation);
  here = await Tokenizer.load(model);
  upload = Uint8Array.from(await noise(1, { height: 300, width: 280 }).image.blur(3).png().toBuffer());
  server = spawn(process.execPath, [program, model, "0"], { stdio: ["ignore", "pipe", "pipe"] });
  server.stderr?.on("data", (text) => wrong.push(String(text)));
  const [line] = await once(server.stdout as NodeJS.ReadableStream, "data");
  url = String(line).trim();
});

afterAll(async () => {
  server?.kill("SIGKILL");
  await here?.dispose();
});

const post = (where: string, body: Uint8Array<ArrayBuffer>, signal?: AbortSignal) =>
  fetch(`${url}${where}`, { method: "POST", body, ...(signal === undefined ? {} : { signal }) });

it("answers uploads with their codes and reconstructions, several at a time", async () => {
  const options = { size: 256 };
  const codes = await here.encode(upload, options);
  const answers = await Promise.all(Array.from({ length: 8 }, () => post("/encode", upload)));
  for (const answer of answers) {
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({
      indices: [...codes.indices],
      shape: [1, 64, 64, 1],
      codebookSize: 50,
      fingerprint: here.fingerprint,
    });
  }
  const picture = await post("/reconstruct", upload);
  expect(picture.headers.get("content-type")).toBe("image/png");
  const pixels = await sharp(Buffer.from(await picture.arrayBuffer()))
    .raw()
    .toBuffer();
  expect(new Uint8Array(pixels)).toEqual((await here.reconstruct(upload, options)).pixels);
});

it("says what is wrong with a request", async () => {
  const status = async (answer: Response) => [answer.status, await answer.json()];
  expect(await status(await post("/encode", Uint8Array.of(1, 2, 3)))).toEqual([
    422,
    { error: expect.stringContaining("expected a readable image") },
  ]);
  expect((await post("/encode", new Uint8Array(0))).status).toBe(422);
  expect(await status(await post("/other", upload))).toEqual([404, { error: "no such page" }]);
  expect((await fetch(`${url}/encode`)).status).toBe(404);
});

it("takes no body that is too large, whatever its length is said to be", async () => {
  const sent = request(`${url}/encode`, { method: "POST", headers: { "transfer-encoding": "chunked" } });
  sent.on("error", () => {}); // the server hangs up
  const answered = once(sent, "response");
  const part = Buffer.alloc(2 ** 20);
  for (let i = 0; i < 21; i++) sent.write(part);
  const [response] = await answered;
  expect(response.statusCode).toBe(413);
  sent.destroy();
});

it("goes on when a client leaves, and its health check answers meanwhile", async () => {
  const leaving = new AbortController();
  const gone = Promise.allSettled(Array.from({ length: 6 }, () => post("/encode", upload, leaving.signal)));
  const stays = post("/encode", upload);
  setTimeout(() => leaving.abort(), 30);
  const health = await fetch(`${url}/health`);
  expect(await health.json()).toEqual({ model: here.fingerprint });
  for (const { status } of await gone) expect(status).toBe("rejected");
  expect((await stays).status).toBe(200);
});

it("ends in good order: answers what has begun, leaves nothing behind, says nothing", async () => {
  const last = post("/encode", upload);
  await new Promise((begun) => setTimeout(begun, 50));
  const ended = once(server, "exit");
  server.kill("SIGTERM");
  expect((await last).status).toBe(200);
  expect(await ended).toEqual([0, null]);
  expect(wrong).toEqual([]);
});
