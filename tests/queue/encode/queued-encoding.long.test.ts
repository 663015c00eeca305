import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { QueueConnection } from "../../../src/queue/connection.js";
import { encodeAll, QueuedEncoding } from "../../../src/queue/index.js";
import { queueName, readTasks } from "../../../src/queue/task.js";
import { temporaryFolder } from "../../data/temporary.js";
import { modelFile, quantizers } from "../../tokenizer/model.js";
import { hasRedis } from "../redis-server.js";
import { served } from "../serving.js";
import { mixedEncoding } from "./mixed-encoding.js";

const { root, images, tokenizer, url, options } = await mixedEncoding();

describe.skipIf(!hasRedis)("what goes wrong on a queue (needs redis-server)", () => {
  it("refuses workers that have another model, or whose arithmetic differs, unless that is allowed", async () => {
    const other = await modelFile(await temporaryFolder(), quantizers.vq, 6);
    const alone = { ...options, onBroken: () => {} };
    const { model: _, ...elsewhere } = alone;
    const encoding = await QueuedEncoding.open(tokenizer, images, elsewhere);
    const { events } = await served(root, url, () => sleep(700), { models: [other] });
    expect(events).toMatchObject([
      { type: "refused", reason: expect.stringContaining("expected the model") },
    ]);
    await encoding.suspend();

    const probe = tokenizer.arithmetic;
    for (const allowMixed of [false, true]) {
      tokenizer.arithmetic = async () => "0".repeat(64); // as of another processor
      const mixed = await QueuedEncoding.open(tokenizer, images, { ...alone, allowMixed });
      tokenizer.arithmetic = probe;
      const names: string[] = [];
      const found = await served(root, url, async () => {
        if (!allowMixed) return sleep(700);
        for await (const batch of mixed.batches()) names.push(...batch.images.map(({ name }) => name));
      });
      if (allowMixed) expect(names.length).toBe(14);
      else
        expect(found.events).toMatchObject([
          { type: "refused", reason: expect.stringContaining("arithmetic") },
        ]);
      await mixed.finish();
    }
  });

  it("tries a poisoned piece three times, does the rest, and names it; mended and resumed it is whole", async () => {
    const poisoned = await QueuedEncoding.open(tokenizer, images, { ...options, onBroken: () => {} });
    // A name that leads out of the shared folder is what no worker takes.
    const dir = path.join(root, ".vqkit-queue");
    const [id] = (await readdir(dir)) as [string];
    const file = path.join(dir, id, "pieces.jsonl");
    const lines = (await readFile(file, "utf8")).split("\n");
    await writeFile(
      file,
      lines.map((line, i) => (i === 2 ? line.replaceAll("images/", "../../../images/") : line)).join("\n"),
    );
    const { events, result } = await served(root, url, async () => {
      const reading = (async () => {
        for await (const _ of poisoned.batches());
      })();
      return reading.catch((error: Error) => error);
    });
    expect(result).toMatchObject({ code: "queue" });
    expect((result as Error).message).toMatch(/expected all 10 pieces, got 1 that failed at every try/);
    expect((result as Error).message).toMatch(/within the shared folder/);
    const failed = events.filter(({ type }) => type === "failed");
    expect(failed.map((event) => ("piece" in event ? event.piece : -1))).toEqual([2, 2, 2]);
    expect(events.filter(({ type }) => type === "piece")).toHaveLength(9);
    await poisoned.suspend();

    const names: string[] = [];
    const again = await served(root, url, async () => {
      const mended = encodeAll(tokenizer, images, { ...options, resume: true, onBroken: () => {} });
      for await (const batch of mended) names.push(...batch.images.map(({ name }) => name));
    });
    expect(names).toHaveLength(14);
    expect(again.events.filter(({ type }) => type === "piece")).toMatchObject([{ piece: 2 }]);
  });

  it("takes nothing from a worker that wakes after its lease has ended", async () => {
    const encoding = await QueuedEncoding.open(tokenizer, images, {
      ...options,
      leaseSeconds: 0.5,
      onBroken: () => {},
    });
    const connection = await QueueConnection.open({ url });
    const [task] = await readTasks(connection.redis);
    const taker = connection.taker(queueName(task?.id ?? ""), 0.5);
    const asleep = await taker.getNextJob("asleep", { block: false });
    expect(asleep?.data).toMatchObject({ piece: 0 });
    const names: string[] = [];
    const { events } = await served(root, url, async () => {
      for await (const batch of encoding.batches()) names.push(...batch.images.map(({ name }) => name));
    });
    // It wakes, and says that it is done.
    const stale = { folder: "000000-0000000000000000", digest: "0".repeat(64), items: 1 };
    await expect(asleep?.moveToCompleted(stale, "asleep", false)).rejects.toThrow();
    expect(events.filter((event) => event.type === "piece" && event.piece === 0)).toHaveLength(1);
    expect(
      (await asleep?.isCompleted()) && (await connection.fetch(taker, "piece-0"))?.returnvalue,
    ).not.toEqual(stale);
    expect(names).toHaveLength(14);
    await connection.close();
    await encoding.finish();
  });

  it("makes a piece again whose files are gone or damaged", async () => {
    const encoding = await QueuedEncoding.open(tokenizer, images, { ...options, onBroken: () => {} });
    const dir = path.join(root, ".vqkit-queue");
    const [id] = (await readdir(dir)) as [string];
    const { result } = await served(root, url, async () => {
      for (let tries = 0; tries < 100; tries++) {
        const made = (await readdir(path.join(dir, id))).filter((name) => /^\d{6}-/.test(name));
        if (made.length === 10) break;
        await sleep(50);
      }
      await sleep(300);
      for (const name of await readdir(path.join(dir, id))) {
        if (name.startsWith("000003-")) await rm(path.join(dir, id, name), { recursive: true });
        if (name.startsWith("000004-")) await writeFile(path.join(dir, id, name, "piece.json"), "{}");
      }
      let count = 0;
      for await (const batch of encoding.batches()) count += batch.images.length;
      return count;
    });
    expect(result).toBe(14);
    await encoding.finish();
  });
});
