import { mkdtemp, symlink, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { findWebRuntime, serveModelPage } from "../../src/ui/index.js";
import { temporaryFolder } from "../data/temporary.js";

const root = path.resolve(import.meta.dirname, "../..");

async function served(model: string) {
  const server = await serveModelPage({ model, runtime: findWebRuntime([root]), port: 0 });
  onTestFinished(() => server.close());
  return server.url;
}

async function exported(): Promise<string> {
  const folder = await mkdtemp(path.join(await temporaryFolder(), "onnx-"));
  await writeFile(path.join(folder, "encoder.onnx"), "the encoder");
  await writeFile(path.join(folder, "decoder.onnx"), "the decoder");
  return folder;
}

/** The path as it is written here: fetch would put dots in order. */
function raw(url: string, target: string, headers: Record<string, string> = {}): Promise<number | undefined> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    request({ hostname, port, path: target, headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on("error", reject)
      .end();
  });
}

describe("the server of a model's page", () => {
  it("has the page, its parts, the model, the runtime and a photograph, each of its type", async () => {
    const url = await served(await exported());
    const { origin, search } = new URL(url);
    expect(search).toBe("?model=model&image=coffee.jpg");
    const cases = [
      ["/", "text/html; charset=utf-8", "<!doctype html>"],
      ["/main.mjs", "text/javascript; charset=utf-8", "/** The page"],
      ["/style.css", "text/css; charset=utf-8", ":root"],
      ["/model/encoder.onnx", "application/octet-stream", "the encoder"],
      ["/model/decoder.onnx", "application/octet-stream", "the decoder"],
      ["/runtime/ort-wasm-simd-threaded.wasm", "application/wasm", "\0asm"],
      ["/runtime/ort.wasm.min.mjs", "text/javascript; charset=utf-8", "/*"],
      ["/coffee.jpg", "image/jpeg", "\xff\xd8"],
    ] as const;
    for (const [address, type, start] of cases) {
      const answer = await fetch(origin + address);
      expect([address, answer.status, answer.headers.get("content-type")]).toEqual([address, 200, type]);
      const text = Buffer.from(await answer.arrayBuffer()).toString("latin1");
      expect(text.slice(0, start.length)).toBe(start);
      // What a page needs to have threads, and no other site to read it.
      expect(answer.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
      expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'");
      const again = await fetch(origin + address, {
        headers: { "if-none-match": answer.headers.get("etag") as string },
      });
      expect([again.status, await again.text()]).toEqual([304, ""]);
    }
  });

  it("gives nothing else away, and to nobody else", async () => {
    const folder = await exported();
    await writeFile(path.join(folder, "secret.txt"), "secret");
    const url = await served(folder);
    for (const target of [
      "/package.json",
      "/model/",
      "/model/secret.txt",
      "/model/..%2f..%2fpackage.json",
      "/model/../../package.json",
      "/runtime/ort.js",
      "/photos/chelsea.jpg",
      "//etc/passwd",
    ])
      expect([target, await raw(url, target)]).toEqual([target, 404]);
    expect(await raw(url, "/", { host: "elsewhere.example" })).toBe(421);
    expect(await raw(url, "/model/encoder.onnx", { origin: "http://elsewhere.example" })).toBe(403);
    expect(await raw(url, "/main.mjs", { "sec-fetch-site": "cross-site" })).toBe(403);
    expect((await fetch(new URL(url).origin, { method: "POST" })).status).toBe(405);
  });

  it("follows a link that was named as the model, and says which file is missing", async () => {
    const folder = await exported();
    const linked = await mkdtemp(path.join(tmpdir(), "vqkit-linked-"));
    for (const name of ["encoder.onnx", "decoder.onnx"])
      await symlink(path.join(folder, name), path.join(linked, name));
    const { origin } = new URL(await served(linked));
    expect(await (await fetch(`${origin}/model/encoder.onnx`)).text()).toBe("the encoder");
    const runtime = findWebRuntime([root]);
    await expect(serveModelPage({ model: root, runtime, port: 0 })).rejects.toMatchObject({
      code: "run",
      message: `${root}: expected encoder.onnx and decoder.onnx, got no encoder.onnx. Export the model first.`,
    });
  });

  it("says in one line what to install where there is no runtime", async () => {
    const message =
      "onnxruntime-web: expected the package that the page runs the model on, got none. Run npm install onnxruntime-web.";
    expect(() => findWebRuntime([tmpdir()])).toThrow(message);
  });
});
