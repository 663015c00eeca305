import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError } from "../core/errors.js";
import { errnoOf } from "../files/index.js";
import { type Answer, fileAnswer } from "./answers.js";
import { refusal, securityHeaders } from "./guard.js";
import { RunCards } from "./run-cards.js";
import { RunCatalogue } from "./run-catalogue.js";
import { RunViews } from "./run-view.js";
import { Site } from "./site.js";

export interface ServeRunsOptions {
  /** Run folders, or folders that hold some, at any depth up to five. */
  readonly folders: readonly string[];
  /** 0..65535; 0: any that is free. Default 6160. */
  readonly port?: number;
  /** Told what went wrong in a way that is not the run's: a defect. The browser is told no more than that. */
  readonly onError?: (error: unknown) => void;
}

/** A page that is being served. */
export interface RunsServer {
  /** e.g. `http://127.0.0.1:6160/` */
  readonly url: string;
  /** Runs that were there at the start. */
  readonly runs: number;
  /** Ends it, and every connection; a second call does nothing. */
  close(): Promise<void>;
}

export const DEFAULT_PORT = 6160;

/**
 * Serves a page that shows runs while they train, lists and compares finished ones and opens their reports. Read-only;
 * heard on this machine only (127.0.0.1); asks nothing of any other.
 *
 * @throws VqkitError("run") for a folder that is not there; ConfigError("port") for one that cannot be had
 */
export async function serveRuns({
  folders,
  port = DEFAULT_PORT,
  onError,
}: ServeRunsOptions): Promise<RunsServer> {
  const catalogue = await RunCatalogue.open(folders);
  const views = new RunViews();
  const site = new Site({ catalogue, views, cards: new RunCards(views) });
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    void respond(site, request, response).catch((error: unknown) => {
      onError?.(error);
      if (!response.headersSent) send(request, response, textAnswer(500, "Something went wrong in vqkit."));
      else response.destroy();
    });
  });
  await listen(server, port);
  const { port: taken } = server.address() as AddressInfo;
  const { runs } = await catalogue.catalogue();
  return { url: `http://127.0.0.1:${taken}/`, runs: runs.length, close: () => close(server) };
}

async function respond(site: Site, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method, headers, url = "/" } = request;
  const refused = refusal(method, headers, request.socket.localPort ?? 0);
  if (refused !== undefined) {
    if (refused.status === 405) response.setHeader("allow", "GET, HEAD");
    send(request, response, textAnswer(refused.status, refused.message));
    return;
  }
  send(request, response, await site.answer(url, headers["if-none-match"]));
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
