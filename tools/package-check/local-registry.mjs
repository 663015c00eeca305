// A registry of packages for tools/check-package.mjs: it takes what npm publishes to it and hands it out, and sends
// whoever asks for another package on to the registry that npm uses. A process of its own, because its maker waits.
import { fork } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";

/** @param {string} upstream the address of the other registry */
export async function startRegistry(upstream) {
  const child = fork(fileURLToPath(import.meta.url), [upstream]);
  const [url] = await once(child, "message");
  return { url, close: () => child.kill() };
}

async function serve(upstream) {
  /** name → the document that npm published, its tarballs taken out */
  const packages = new Map();
  /** path of the address → bytes */
  const tarballs = new Map();

  const server = createServer(async (request, response) => {
    const { pathname, search } = new URL(request.url, "http://localhost");
    const name = decodeURIComponent(pathname.slice(1));
    if (request.method === "PUT") return answer(response, 201, publish(name, await bodyOf(request)));
    if (tarballs.has(name)) return response.end(tarballs.get(name));
    if (packages.has(name)) return answer(response, 200, packages.get(name));
    response.writeHead(302, { location: `${upstream.replace(/\/$/, "")}${pathname}${search}` }).end();
  });

  /** npm sends the versions' manifests and the tarball, in base64, in one document. */
  function publish(name, { _attachments, versions, "dist-tags": tags }) {
    const known = packages.get(name) ?? { name, versions: {}, "dist-tags": {} };
    for (const [file, { data }] of Object.entries(_attachments))
      tarballs.set(`${name}/-/${file}`, Buffer.from(data, "base64"));
    for (const manifest of Object.values(versions))
      manifest.dist.tarball = `${url}${name}/-/${name}-${manifest.version}.tgz`;
    Object.assign(known.versions, versions);
    Object.assign(known["dist-tags"], tags);
    packages.set(name, known);
    return { ok: true };
  }

  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${server.address().port}/`;
  process.send(url);
}

function answer(response, status, value) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString("utf8"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.argv[2]);
