import type { IncomingHttpHeaders } from "node:http";

/** Why a request is not answered. */
export interface Refusal {
  readonly status: 403 | 405 | 421;
  readonly message: string;
}

const NAMES = ["127.0.0.1", "localhost", "[::1]"] as const;

/**
 * Judges a request by its head; undefined: it may be answered.
 *
 * The server listens on this machine alone, but any page that a browser shows can send requests there. A page of another
 * site that rebinds its own name to 127.0.0.1 gives itself away by `Host`, a script of another site by `Origin`, and its
 * pictures and frames by `Sec-Fetch-Site`. Following a link from another site is no harm: nothing here changes anything.
 */
export function refusal(
  method: string | undefined,
  headers: IncomingHttpHeaders,
  port: number,
): Refusal | undefined {
  const hosts = hostsOf(port);
  if (headers.host === undefined || !hosts.includes(headers.host.toLowerCase())) {
    return {
      status: 421,
      message: `Host: expected ${hosts[0]} or ${hosts[1]}, got another name. Open http://${hosts[0]}/; through a tunnel, use the same port on both sides.`,
    };
  }
  const { origin } = headers;
  if (origin !== undefined && !hosts.some((host) => origin === `http://${host}`)) {
    return { status: 403, message: "Origin: expected this page's own, got another." };
  }
  const site = headers["sec-fetch-site"];
  const isForeign = site === "cross-site" || site === "same-site";
  const isLink = headers["sec-fetch-mode"] === "navigate" && headers["sec-fetch-dest"] === "document";
  if (isForeign && !isLink) {
    return { status: 403, message: "Expected a request of this page's own, got one of another site's." };
  }
  if (method !== "GET" && method !== "HEAD") {
    return { status: 405, message: "Expected GET or HEAD: nothing here can be changed." };
  }
  return undefined;
}

/** Names under which the server may be asked for; browsers leave out port 80. */
function hostsOf(port: number): string[] {
  const withPort = NAMES.map((name) => `${name}:${port}`);
  return port === 80 ? [...withPort, ...NAMES] : withPort;
}

/** What pages may do: their own style, script and pictures; nothing of anyone else's, in nobody's frame. */
export const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/** Headers of every content. */
export function securityHeaders(policy: string): Readonly<Record<string, string>> {
  return {
    "content-security-policy": policy,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
  };
}
