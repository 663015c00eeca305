import { copyFile, mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { hasRedis, RedisServer } from "../queue/redis-server.js";
import { filesOf, served } from "../queue/serving.js";
import { temporaryFolder, vqkit } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

const { shared, photos, model } = await modelAndPhotos("fsq", 5);
/** Two images of "bird", three of "ape". */
const classes = path.join(shared, "classes");
for (const [i, name] of (await readdir(photos)).sort().entries()) {
  const folder = path.join(classes, i < 2 ? "bird" : "ape");
  await mkdir(folder, { recursive: true });
  await copyFile(path.join(photos, name), path.join(folder, name));
}

describe.skipIf(!hasRedis)("encode --queue for generators (needs redis-server)", () => {
  test.each([
    ["--flip", "--format", "bin", "--vocabulary-offset", "70000", "--validation", "0.5"],
    ["--ten-crop", "--size", "16x24", "--format", "packed"],
    ["--flip", "--format", "parquet"],
  ])("writes the files of one machine: labels, %s %s %s", async (...flags) => {
    const redis = await RedisServer.start();
    try {
      const out = await temporaryFolder();
      const [alone, queued] = [path.join(out, "alone"), path.join(out, "queued")];
      const common = [model, classes, "--labels", ...flags];
      expect(await vqkit(["encode", ...common, "--out", alone])).toMatchObject({ code: 0 });
      const queue = ["--queue", redis.url, "--shared", shared, "--images-per-piece", "2"];
      await served(shared, redis.url, async () => {
        expect(await vqkit(["encode", ...common, "--out", queued, ...queue])).toMatchObject({ code: 0 });
      });
      expect(await filesOf(queued)).toEqual(await filesOf(alone));
    } finally {
      await redis.remove();
    }
  });
});
