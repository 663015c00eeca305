import { describe, expect, it } from "vitest";
import { refusal } from "../../src/ui/guard.js";

const host = "127.0.0.1:6160";

describe("a request", () => {
  it.each(["127.0.0.1:6160", "localhost:6160", "LocalHost:6160", "[::1]:6160"])(
    "to %s is answered",
    (name) => {
      expect(refusal("GET", { host: name }, 6160)).toBeUndefined();
    },
  );

  it.each([
    "evil.example:6160",
    "evil.example",
    "127.0.0.1:6161",
    "127.0.0.1",
    "localhost",
    "localhost:6160.evil.example",
    "127.0.0.1:6160@evil.example",
    "10.0.0.7:6160",
    "0.0.0.0:6160",
    "",
    undefined,
  ])("to %s is not: a name may have been bound to this machine", (name) => {
    expect(refusal("GET", name === undefined ? {} : { host: name }, 6160)?.status).toBe(421);
  });

  it("to port 80 needs no port", () => {
    expect(refusal("GET", { host: "localhost" }, 80)).toBeUndefined();
  });

  it.each([
    "http://evil.example",
    "http://127.0.0.1",
    "http://127.0.0.1:6161",
    "https://127.0.0.1:6160",
    "null",
  ])("of origin %s is refused", (origin) => {
    expect(refusal("GET", { host, origin }, 6160)?.status).toBe(403);
  });

  it("of this page's own origin is answered", () => {
    expect(refusal("GET", { host, origin: "http://localhost:6160" }, 6160)).toBeUndefined();
  });

  const fetched = (site: string, mode: string, dest: string) => ({
    host,
    "sec-fetch-site": site,
    "sec-fetch-mode": mode,
    "sec-fetch-dest": dest,
  });
  it.each([
    ["a picture on another site", fetched("cross-site", "no-cors", "image"), 403],
    ["a script of another port", fetched("same-site", "cors", "empty"), 403],
    ["a frame on another site", fetched("cross-site", "navigate", "iframe"), 403],
    ["a link from another site", fetched("cross-site", "navigate", "document"), undefined],
    ["the address bar", fetched("none", "navigate", "document"), undefined],
    ["this page", fetched("same-origin", "cors", "empty"), undefined],
  ])("by %s", (_, headers, status) => {
    expect(refusal("GET", headers, 6160)?.status).toBe(status);
  });

  it.each(["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", undefined])(
    "of method %s is refused",
    (method) => {
      expect(refusal(method, { host }, 6160)?.status).toBe(405);
    },
  );

  it("of method HEAD is answered", () => {
    expect(refusal("HEAD", { host }, 6160)).toBeUndefined();
  });
});
