import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

export interface HubServer {
  readonly url: string;
  /** What was asked for: the method and the path without its query. */
  readonly requests: string[];
  /** What the last request had as its Authorization. */
  readonly authorizations: (string | undefined)[];
  close(): Promise<void>;
}

type Files = Readonly<Record<string, Uint8Array>>;

/** A hub on this machine with one data set, owner/name, whose list of files comes in two pages. */
export async function startHub(files: Files): Promise<HubServer> {
  const requests: string[] = [];
  const authorizations: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", `http://${request.headers.host}`);
    const at = decodeURIComponent(url.pathname);
    requests.push(`${request.method} ${at}`);
    authorizations.push(request.headers.authorization);
    const file = files[at.replace(`/datasets/owner/name/resolve/${COMMIT}/`, "")];
    if (/^\/api\/datasets\/owner\/name\/revision\/(?:HEAD|main|v2)$/.test(at)) {
      const info = { _id: "1", id: "owner/name", sha: COMMIT, lastModified: "2026-01-01T00:00:00.000Z" };
      sendJson(response, info);
    } else if (at === `/api/datasets/owner/name/tree/${COMMIT}`) sendPage(url, files, response);
    else if (file === undefined) sendJson(response, { error: "Repository not found" }, { status: 404 });
    else sendFile(request, file, response);
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    authorizations,
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

function sendJson(
  response: ServerResponse,
  body: unknown,
  { status = 200, headers = {} }: Answer = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

function sendPage(url: URL, files: Files, response: ServerResponse): void {
  const names = Object.keys(files);
  const half = Math.ceil(names.length / 2);
  const isSecond = url.searchParams.has("cursor");
  const page = (isSecond ? names.slice(half) : names.slice(0, half)).map((name) => ({
    ...{ type: "file", path: name, oid: name, size: (files[name] as Uint8Array).length },
  }));
  const next = new URL(url);
  next.searchParams.set("cursor", "2");
  const folder = { type: "directory", path: "data", oid: "d", size: 0 };
  const headers: Record<string, string> = isSecond ? {} : { link: `<${next}>; rel="next"` };
  sendJson(response, [folder, ...page], { headers });
}

function sendFile(request: IncomingMessage, file: Uint8Array, response: ServerResponse): void {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
  const part = from === undefined ? file : file.subarray(Number(from), Number(to) + 1);
  response.writeHead(from === undefined ? 200 : 206, {
    etag: '"1"',
    "accept-ranges": "bytes",
    "content-length": String(part.length),
    ...(from === undefined ? {} : { "content-range": `bytes ${from}-${to}/${file.length}` }),
  });
  response.end(request.method === "HEAD" ? undefined : part);
}
