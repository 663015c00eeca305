import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { hasRedis, RedisServer } from "../queue/redis-server.js";
import { startProgram, temporaryFolder, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

const { shared, photos, model } = await modelAndPhotos("fsq", 5);

test("flags of a queue without one are told, and an address that is none", async () => {
  const out = path.join(await temporaryFolder(), "codes");
  const without = await vqkit(["encode", model, photos, "--out", out, "--tries", "2"]);
  expect(without).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--tries: expected --queue with it"),
  });
  const odd = await vqkit(["worker", "--queue", "example.org"]);
  expect(odd).toMatchObject({ code: 2, stderr: expect.stringContaining("--queue: expected an address") });
  const stdin = await vqkit(["encode", model, "-", "--out", out, "--queue", "redis://127.0.0.1:1"]);
  expect(stdin).toMatchObject({ code: 2, stderr: expect.stringContaining("which workers do not see") });
});

describe.skipIf(!hasRedis)("vqkit worker (needs redis-server)", () => {
  test("does what encode --queue asks for, from the built program, and ends at a signal", async () => {
    const redis = await RedisServer.start();
    const queue = ["--queue", redis.url, "--shared", shared];
    const worker = startProgram(["worker", ...queue, "--threads", "1"]);
    try {
      const out = await temporaryFolder();
      const [alone, queued] = [path.join(out, "alone"), path.join(out, "queued")];
      expect((await vqkit(["encode", model, photos, "--out", alone, "--quiet"])).code).toBe(0);
      const outcome = await vqkit([
        ...["encode", model, photos, "--out", queued, ...queue],
        ...["--images-per-piece", "2", "--json"],
      ]);
      expect(outcome).toMatchObject({ code: 0, stderr: expect.stringContaining("5/5 images") });
      expect(JSON.parse(outcome.stdout)).toMatchObject({ images: 5, entries: 5 });
      for (const name of await readdir(alone)) {
        expect(await readFile(path.join(queued, name)), name).toEqual(await readFile(path.join(alone, name)));
      }
      expect(await readdir(queued)).toEqual(await readdir(alone));
      await sleep(100);
      worker.child.kill("SIGTERM");
      const { code, stderr } = await worker.ended;
      expect(code).toBe(143);
      expect(stderr).toMatch(/piece 2: 1 images/);
      expect(stderr).toMatch(/Interrupted after 3 pieces with 5 images\./);
    } finally {
      worker.child.kill("SIGKILL");
      await redis.remove();
    }
  });
});
