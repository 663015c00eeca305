/** What tests of encoding on a queue begin with: a mixed source, its model here, and a Redis where there is one. */
import { afterAll } from "vitest";
import type { QueuedEncodingOptions } from "../../../src/queue/index.js";
import { Tokenizer } from "../../../src/tokenizer/index.js";
import { mixedSource } from "../mixed-source.js";
import { hasRedis, RedisServer } from "../redis-server.js";

export async function mixedEncoding() {
  const { root, model, images } = await mixedSource();
  const tokenizer = await Tokenizer.load(model);
  const redis = hasRedis ? await RedisServer.start() : undefined;
  const url = redis?.url ?? "";
  afterAll(async () => {
    await tokenizer.dispose();
    await redis?.remove();
  });
  const options: QueuedEncodingOptions = {
    ...{ queue: { url }, shared: root, model },
    imagesPerPiece: 2,
    leaseSeconds: 5,
  };
  return { root, model, images, tokenizer, redis, url, options };
}
