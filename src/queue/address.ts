import { ConfigError } from "../core/errors.js";

/** Where a queue is. */
export interface QueueAddress {
  /** `redis://HOST`, `rediss://HOST` for TLS; with `USER:PASSWORD@`, a port and `/DATABASE` where they are needed. */
  readonly url: string;
  /** Where it is not to stand in the URL. */
  readonly password?: string;
}

interface ParsedAddress {
  readonly shown: string;
  readonly options: { readonly password?: string };
}

/** @throws ConfigError at `queue` */
export function parseAddress({ url, password }: QueueAddress): ParsedAddress {
  const expected = "expected an address as redis://HOST or rediss://HOST";
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new ConfigError("queue", `${expected}, got one that is no URL.`);
  }
  const { protocol, hostname, port, pathname } = parsed;
  if (protocol !== "redis:" && protocol !== "rediss:") {
    throw new ConfigError("queue", `${expected}, got one with ${protocol}`);
  }
  if (hostname === "") throw new ConfigError("queue", `${expected}, got one without a host.`);
  if (!/^\/?\d*$/.test(pathname)) {
    throw new ConfigError("queue", `${expected}, with the number of a database, got ${pathname}.`);
  }
  const shown = `${protocol}//${hostname}:${port === "" ? 6379 : port}${pathname === "/" ? "" : pathname}`;
  return { shown, options: password === undefined ? {} : { password } };
}
