import { existsSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareQuantizers } from "../../../src/queue/index.js";
import { useEngine } from "../../engine.js";
import { tinyFolders } from "../../training/tiny-runs.js";
import { hasRedis, RedisServer } from "../redis-server.js";
import { sharedComparison } from "./comparisons.js";

beforeAll(useEngine);
const redis = hasRedis ? await RedisServer.start() : undefined;
afterAll(() => redis?.remove());
const url = redis?.url ?? "";

describe.skipIf(!hasRedis)("a comparison on a queue (needs redis-server)", () => {
  it("says which folder is to be shared, before anything is written", async () => {
    const { options, out } = await sharedComparison();
    const { runs: elsewhere } = await tinyFolders();
    const queued = compareQuantizers(options, { queue: { url }, shared: elsewhere });
    await expect(queued.next()).rejects.toMatchObject({ code: "config", path: "shared" });
    expect(existsSync(out)).toBe(false);
    expect(existsSync(path.join(elsewhere, ".vqkit-queue"))).toBe(false);
  });
});
