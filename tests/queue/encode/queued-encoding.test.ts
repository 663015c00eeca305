import { existsSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import type { BrokenImage, LeftOut } from "../../../src/data/index.js";
import { encodeAll, QueuedEncoding } from "../../../src/queue/index.js";
import { codeFormats, type EncodedBatch, openCodeWriter, writeCodes } from "../../../src/tokenizer/index.js";
import { temporaryFolder } from "../../data/temporary.js";
import { hasRedis } from "../redis-server.js";
import { filesOf, served } from "../serving.js";
import { mixedEncoding } from "./mixed-encoding.js";

const { root, images, tokenizer, redis, url, options } = await mixedEncoding();

describe.skipIf(!hasRedis)("encoding on a queue (needs redis-server)", () => {
  it("writes the files of one machine, in every format, and tells what it told", async () => {
    const out = await temporaryFolder();
    const here: BrokenImage[] = [];
    const there: BrokenImage[] = [];
    const leftOut: LeftOut[] = [];
    const batches: EncodedBatch[] = [];
    await served(root, url, async () => {
      const all = encodeAll(tokenizer, images, {
        ...options,
        onBroken: (each) => there.push(each),
        onLeftOut: (each) => leftOut.push(each),
      });
      for await (const batch of all) batches.push(batch);
    });
    const alone: EncodedBatch[] = [];
    for await (const batch of tokenizer.encodeAll(images, { onBroken: (each) => here.push(each) })) {
      alone.push(batch);
    }
    for (const format of codeFormats) {
      await writeCodes(path.join(out, `alone-${format}`), alone, { format });
      await writeCodes(path.join(out, `queued-${format}`), batches, { format });
      const [expected, got] = [`alone-${format}`, `queued-${format}`];
      expect(await filesOf(path.join(out, got))).toEqual(await filesOf(path.join(out, expected)));
    }
    expect(there).toEqual(here);
    expect(there).toHaveLength(5);
    // Nothing stays behind, in the folder or in Redis.
    expect(existsSync(path.join(root, ".vqkit-queue"))).toBe(false);
    const client = redis?.client();
    expect(await client?.keys("*")).toEqual([]);
    client?.disconnect();
  });

  it("continues where the reader left, and what is done is not done again", async () => {
    const out = path.join(await temporaryFolder(), "codes");
    const { events } = await served(root, url, async () => {
      const first = await openCodeWriter(out, { saveEvery: 0 });
      for await (const batch of encodeAll(tokenizer, images, { ...options, onBroken: () => {} })) {
        await first.write(batch);
        if (batch.itemsDone > 3) break;
      }
      await first.suspend();
      const second = await openCodeWriter(out, { resume: true });
      const start = second.resumedAt;
      expect(start?.itemsDone).toBeGreaterThan(3);
      const rest = encodeAll(tokenizer, images, {
        ...options,
        resume: true,
        ...(start === undefined ? {} : { start }),
        onBroken: () => {},
      });
      for await (const batch of rest) await second.write(batch);
      await second.finish();
    });
    const alone = path.join(await temporaryFolder(), "codes");
    await writeCodes(alone, tokenizer.encodeAll(images, { onBroken: () => {} }));
    expect(await filesOf(out)).toEqual(await filesOf(alone));
    const pieces = events.flatMap((event) => (event.type === "piece" ? [event.piece] : []));
    expect(pieces.length).toBe(new Set(pieces).size);
    expect(pieces.length).toBe(5 + 1 + 3 + 1); // pairs of nine files, two shards, row groups of a table of six rows
  });

  it("says which folder is to be shared, and that one submitter is enough", async () => {
    const narrow = { ...options, shared: path.join(root, "elsewhere") };
    await expect(QueuedEncoding.open(tokenizer, images, narrow)).rejects.toThrow(
      /^shared: expected a folder that holds/,
    );
    const first = await QueuedEncoding.open(tokenizer, images, options);
    await expect(QueuedEncoding.open(tokenizer, images, options)).rejects.toMatchObject({ code: "locked" });
    await first.finish();
  });
});
