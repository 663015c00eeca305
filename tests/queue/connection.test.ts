import { describe, expect, it } from "vitest";
import { parseAddress } from "../../src/queue/address.js";
import { QueueConnection } from "../../src/queue/connection.js";
import { freePort } from "./redis-server.js";

describe("parseAddress", () => {
  it("shows no password", () => {
    const { shown } = parseAddress({ url: "rediss://me:secret@example.org:7000/2" });
    expect(shown).toBe("rediss://example.org:7000/2");
    expect(parseAddress({ url: "redis://example.org" }).shown).toBe("redis://example.org:6379");
  });

  it.each([
    ["nothing", "no URL"],
    ["http://example.org", "http:"],
    ["redis:///1", "without a host"],
    ["redis://example.org/one", "/one"],
  ])("refuses %s", (url, got) => {
    expect(() => parseAddress({ url })).toThrow(`expected an address as redis://HOST or rediss://HOST`);
    expect(() => parseAddress({ url })).toThrow(got);
  });
});

describe("QueueConnection.open", () => {
  it("says at once that nobody is there, and where; no password", async () => {
    const port = await freePort();
    const opening = QueueConnection.open({ url: `redis://me:secret@127.0.0.1:${port}` });
    await expect(opening).rejects.toMatchObject({ code: "queue" });
    await expect(opening).rejects.toThrow(
      new RegExp(`Redis at redis://127.0.0.1:${port}, got .*ECONNREFUSED`),
    );
    await expect(opening).rejects.not.toThrow(/secret/);
  });
});
