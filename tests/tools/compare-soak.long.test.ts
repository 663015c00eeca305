import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { hasRedis } from "../queue/redis-server.js";

const tool = fileURLToPath(new URL("../../tools/compare-soak.mjs", import.meta.url));

describe.skipIf(!hasRedis)("a comparison on a queue under kills (needs redis-server)", () => {
  it("four runs on two workers, killed ones, a killed submitter and a Redis that stops leave what one process leaves", async () => {
    const args = ["--steps", "60", "--kills", "5", "--stops", "1", "--seed", "3"];
    const { stdout } = await promisify(execFile)(process.execPath, [tool, ...args]);
    const told = JSON.parse(stdout) as Record<string, unknown>;
    expect(told).toMatchObject({ rows: 2, identical: true });
    expect(Number(told.worker)).toBeGreaterThan(0);
  }, 600_000); // some twenty processes
});
