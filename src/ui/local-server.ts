import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError } from "../core/errors.js";
import { errnoOf } from "../files/index.js";
import { type Answer, fileAnswer } from "./answers.js";
import { refusal, securityHeaders } from "./guard.js";

/** What is served: an answer for every address. */
export interface Served {
  /** @param target path and query as they were sent @param known the tag of the content that the browser has */
  answer(target: string, known?: string): Promise<Answer>;
}

export interface LocalServerOptions {
  /** 0..65535; 0: any that is free. */
  readonly port: number;
  /** Headers of every content, beside those that keep it to itself. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Told what went wrong in a way that is no request's: a defect. The browser is told no more than that. */
  readonly onError?: (error: unknown) => void;
}

/** A server that is heard on this machine only. */
export interface LocalServer {
  /** e.g. `http://127.0.0.1:6160/` */
  readonly url: string;
  /** Ends it, and every connection; a second call does nothing. */
  close(): Promise<void>;
}

/**
 * Serves to the browser of this machine only (127.0.0.1), to its own pages only (`refusal`), and changes nothing.
 *
 * @throws ConfigError("port") for one that cannot be had
 */
export async function serveLocally(
  served: Served,
  { port, headers = {}, onError }: LocalServerOptions,
): Promise<LocalServer> {
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    void respond(served, request, response).catch((error: unknown) => {
      onError?.(error);
      if (!response.headersSent) send(request, response, textAnswer(500, "Something went wrong in vqkit."));
      else response.destroy();
    });
  });
  await listen(server, port);
  const { port: taken } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${taken}/`, close: () => close(server) };
}

async function respond(served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, headers, url = "/" } = request;
  const refused = refusal(method, headers, request.socket.localPort ?? 0);
  if (refused !== undefined) {
    if (refused.status === 405) response.setHeader("allow", "GET, HEAD");
    send(request, response, textAnswer(refused.status, refused.message));
    return;
  }
  send(request, response, await served.answer(url, headers["if-none-match"]));
}

function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const { status, type, body, policy, tag } = answer;
  if (tag !== undefined) response.setHeader("etag", tag);
  response.setHeader("cache-control", "private, no-cache");
  if (status === 304) {
    response.writeHead(status).end(); // every other header would replace that of the content which the browser has
    return;
  }
  for (const [name, value] of Object.entries(securityHeaders(policy))) response.setHeader(name, value);
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  response.writeHead(status, { "content-type": type, "content-length": bytes.length });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

function textAnswer(status: number, message: string): Answer {
  return { ...fileAnswer("text/plain; charset=utf-8", `${message}\n`), status };
}

async function listen(server: Server, port: number): Promise<void> {
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new ConfigError("port", `expected an integer in 0..65535, got ${port}.`);
  }
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error) => reject(portError(port, error)));
    server.listen({ port, host: "127.0.0.1" }, resolve);
  });
}

function portError(port: number, error: Error): Error {
  const reasons: Readonly<Record<string, string>> = {
    EADDRINUSE: "another program has it",
    EACCES: "the system does not allow it",
  };
  const reason = reasons[errnoOf(error) ?? ""];
  if (reason === undefined) return error;
  return new ConfigError(
    "port",
    `expected a free port, got ${port}: ${reason}. Choose another, or 0 for any free one (option port).`,
    { cause: error },
  );
}

function close(server: Server): Promise<void> {
  if (!server.listening) return Promise.resolve();
  return new Promise((resolve, reject) => {
    server.close((error) => (error === undefined ? resolve() : reject(error)));
    server.closeAllConnections();
  });
}
