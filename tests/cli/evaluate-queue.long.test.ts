import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder as keptFolder } from "../data/temporary.js";
import { distanceModel, featureModel } from "../evaluation/stand-in-networks.js";
import { hasRedis, RedisServer } from "../queue/redis-server.js";
import { modelFile, quantizers } from "../tokenizer/model.js";
import { startProgram, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

const { shared, photos, model } = await modelAndPhotos("fsq", 300);
const other = await modelFile(await keptFolder(), quantizers.vq);

describe.skipIf(!hasRedis)("vqkit evaluate --queue (needs redis-server)", () => {
  test("prints what one machine prints, to the last bit, of several parts and models", async () => {
    const [fid, lpips] = [path.join(shared, "fid.onnx"), path.join(shared, "lpips.onnx")];
    await writeFile(fid, featureModel());
    await writeFile(lpips, distanceModel());
    const flags = [
      "--crop-size",
      "16",
      "--crops-per-image",
      "1",
      "--fid",
      fid,
      "--lpips",
      lpips,
      "--threads",
      "1",
      "--json",
    ];
    const redis = await RedisServer.start();
    const queue = ["--queue", redis.url, "--shared", shared];
    // A model that lies elsewhere, the worker has under a path of its own.
    const worker = startProgram(["worker", ...queue, "--model", other, "--threads", "2"]);
    try {
      for (const models of [[model], [other, model]]) {
        const alone = await vqkit(["evaluate", ...models, photos, ...flags]);
        expect(alone.code).toBe(0);
        const queued = await vqkit(["evaluate", ...models, photos, ...flags, ...queue]);
        expect(queued).toMatchObject({ code: 0, stdout: alone.stdout });
      }
      worker.child.kill("SIGTERM");
      const { stderr } = await worker.ended;
      // 256 files of one crop each, and 44.
      expect(stderr).toMatch(/piece 0: 256 crops/);
      expect(stderr).toMatch(/piece 1: 44 crops/);
      expect(stderr).toMatch(/piece 0: 512 crops/);
    } finally {
      worker.child.kill("SIGKILL");
      await redis.remove();
    }
  });

  test("--resume means nothing without a queue", async () => {
    const { code, stderr } = await vqkit(["evaluate", model, photos, "--resume"]);
    expect({ code, stderr }).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("--resume: expected --queue"),
    });
  });
});
