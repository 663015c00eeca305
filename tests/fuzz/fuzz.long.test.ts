import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { fuzz, MAX_BYTES_BESIDES } from "./harness.js";
import { fuzzTargets, type Target } from "./targets.js";

/** In all; `npm run fuzz` takes any number. */
const CASES = 5000;

const folder = mkdtempSync(join(tmpdir(), "vqkit-fuzz-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const targets = await fuzzTargets(folder);

describe("files from strangers are read, or refused with a typed error, in bounded time and memory", () => {
  it.each(targets.map((target) => [target.name, target] as const))("%s", async (_, target) => {
    const cases = Math.ceil(CASES / targets.length);
    const result = await fuzz(target, { cases, seed: 20 });
    expect(result.cases).toBe(cases);
  });
});

describe("the harness", () => {
  const target = (read: Target["read"]): Target => ({ ...(targets[0] as Target), read });

  it.each<[string, Target["read"], RegExp]>([
    ["an error that is not typed", () => Promise.reject(new RangeError("stack")), /stack/],
    [
      "a parser that takes too long",
      () => new Promise((done) => setTimeout(done, 1110)),
      /11\d\d(\.\d+)? ms/,
    ],
    [
      "an allocation of a claimed size",
      async () => void new ArrayBuffer(2 * MAX_BYTES_BESIDES),
      /bytes for a file of/,
    ],
    [
      "a prototype that was changed",
      async () => {
        Object.assign(Object.prototype, { polluted: true });
      },
      /Object\.prototype\.polluted was set/,
    ],
  ])("sees %s", async (_, read, message) => {
    try {
      const failed = fuzz(target(read), { cases: 1, seed: 1, shrink: false });
      await expect(failed).rejects.toThrow();
      await failed.catch((error: Error) =>
        expect(`${error.message} ${String(error.cause)}`).toMatch(message),
      );
    } finally {
      Reflect.deleteProperty(Object.prototype, "polluted");
    }
  });
});
