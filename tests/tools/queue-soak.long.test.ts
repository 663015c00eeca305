import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";
import { hasRedis } from "../queue/redis-server.js";

const tool = fileURLToPath(new URL("../../tools/queue-soak.mjs", import.meta.url));

describe.skipIf(!hasRedis)("a queue under kills (needs redis-server)", () => {
  it("1, 2 and 3 workers, killed ones, killed submitters and a Redis that stops write the files of one process", async () => {
    const args = [
      "--images",
      "300",
      "--images-per-piece",
      "20",
      "--kills",
      "5",
      "--stops",
      "1",
      "--seed",
      "5",
    ];
    const { stdout } = await promisify(execFile)(process.execPath, [tool, ...args]);
    const told = JSON.parse(stdout) as Record<string, unknown>;
    expect(told).toMatchObject({ images: 300, workers: 3, identical: true });
    expect(Number(told.worker)).toBeGreaterThan(0);
  }, 600_000); // some thirty processes
});
