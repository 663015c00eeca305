import { type IncomingHttpHeaders, request } from "node:http";
import { onTestFinished } from "vitest";
import { type ServeRunsOptions, serveRuns } from "../../src/ui/index.js";

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Served {
  readonly url: string;
  readonly port: number;
  /** Sends a request with exactly these headers and path; `host` is the server's own unless it is given. */
  ask(
    path: string,
    headers?: Readonly<Record<string, string>>,
    options?: { readonly method?: string; readonly withoutHost?: boolean },
  ): Promise<Reply>;
}

/** Serves folders on a free port until the test ends; a defect fails the test. */
export async function served(...folders: readonly string[]): Promise<Served> {
  return servedWith({ folders });
}

/** As `served`, with other options. */
export async function servedWith(options: Pick<ServeRunsOptions, "folders" | "queue">): Promise<Served> {
  const defects: unknown[] = [];
  const server = await serveRuns({ ...options, port: 0, onError: (error) => defects.push(error) });
  onTestFinished(async () => {
    await server.close();
    if (defects.length > 0) throw defects[0];
  });
  const port = Number(new URL(server.url).port);
  const ask: Served["ask"] = (path, headers = {}, { method = "GET", withoutHost = false } = {}) =>
    new Promise((resolve, reject) => {
      const own = withoutHost ? {} : { host: `127.0.0.1:${port}` };
      const sent = request(
        { host: "127.0.0.1", port, path, method, setHost: false, headers: { ...own, ...headers } },
        (response) => {
          let body = "";
          response.setEncoding("utf8");
          response.on("data", (text: string) => {
            body += text;
          });
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
          );
        },
      );
      sent.on("error", reject);
      sent.end();
    });
  return { url: server.url, port, ask };
}

/** The id by which a page links a run's name. */
export function idOf(list: string, name: string): string {
  const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const found = new RegExp(`/runs/([0-9a-f]{16})"><bdi>${escaped}</bdi>`).exec(list);
  if (found?.[1] === undefined) throw new Error(`No link to ${name}.`);
  return found[1];
}

/** Asks again until the answer is as wanted: what a scan found stands for a moment. */
export async function eventually(
  ask: () => Promise<Reply>,
  wanted: (reply: Reply) => boolean,
): Promise<Reply> {
  for (let tries = 0; ; tries++) {
    const reply = await ask();
    if (wanted(reply) || tries > 100) return reply;
    await new Promise((next) => setTimeout(next, 50));
  }
}
