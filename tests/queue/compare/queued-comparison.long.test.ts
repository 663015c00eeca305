import { existsSync } from "node:fs";
import { readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { registerQuantizer } from "../../../src/quantizers/index.js";
import { QueueConnection } from "../../../src/queue/connection.js";
import {
  compareQuantizers,
  type QueuedComparisonEvent,
  resumeComparison,
  type WorkerEvent,
} from "../../../src/queue/index.js";
import { queueName, readTasks } from "../../../src/queue/task.js";
import { buildComparison } from "../../../src/reports/index.js";
import { RunFolder } from "../../../src/runs/index.js";
import {
  type ComparisonOptions,
  compareQuantizers as compareHere,
  Trainer,
} from "../../../src/training/index.js";
import { useEngine } from "../../engine.js";
import { divergingQuantizer } from "../../training/diverging-quantizer.js";
import { drained, temporaryFolder, writeImages } from "../../training/tiny-runs.js";
import { hasRedis, RedisServer } from "../redis-server.js";
import { served } from "../serving.js";
import { alike, outcomeOf, sharedComparison, stepsTold } from "./comparisons.js";

beforeAll(async () => {
  await useEngine();
  registerQuantizer(divergingQuantizer);
});
const redis = hasRedis ? await RedisServer.start() : undefined;
afterAll(() => redis?.remove());
// What a test left for a later submitter is no other test's.
afterEach(async () => {
  const client = redis?.client();
  await client?.flushall();
  client?.disconnect();
});
const url = redis?.url ?? "";

/** A comparison of one process, whose folder is then elsewhere, and what is to be the same. */
async function trainedHere(steps: number) {
  const parts = await sharedComparison({ steps });
  await drained(compareHere(parts.options));
  const runs = ["vq-seed0", "fsq-seed0"].map((name) => path.join(parts.out, name));
  const expected = await outcomeOf(runs);
  await rename(parts.out, `${parts.out}-alone`);
  const queue = { queue: { url }, shared: parts.shared, leaseSeconds: 5 };
  return { ...parts, runs, expected, queue };
}

/** The folders of attempts at a run. */
async function attempts(shared: string, piece: number): Promise<string[]> {
  const dir = path.join(shared, ".vqkit-queue");
  const [id] = (await readdir(dir)) as [string];
  const names = (await readdir(path.join(dir, id))).filter((name) => name.startsWith(`00000${piece}-`));
  return names.map((name) => path.join(dir, id, name));
}

const kept = (events: readonly QueuedComparisonEvent[]) => events.map(({ type }) => type);

describe.skipIf(!hasRedis)(
  "what goes wrong on a queue of trainings (needs redis-server)",
  { timeout: 240_000 },
  () => {
    it("leaves the files of one process, in every run and in the comparison", async () => {
      const { options, shared, out } = await sharedComparison({ steps: 3 });
      await drained(compareHere(options));
      const runs = ["vq-seed0", "fsq-seed0"].map((name) => path.join(out, name));
      const alone = { comparison: alike(await buildComparison(runs)), runs: await outcomeOf(runs) };
      await rename(out, `${out}-alone`);

      const progress: number[] = [];
      const { result: events, events: told } = await served(shared, url, () =>
        drained(
          compareQuantizers(options, {
            ...{ queue: { url }, shared, leaseSeconds: 5 },
            onProgress: ({ steps, stepsTotal }) => void progress.push(steps / stepsTotal),
          }),
        ),
      );
      expect({ comparison: alike(await buildComparison(runs)), runs: await outcomeOf(runs) }).toEqual(alone);
      expect(events.map(({ type, dir, index, total }) => [type, dir, index, total])).toEqual([
        ["run-end", runs[0], 0, 2],
        ["run-end", runs[1], 1, 2],
      ]);
      expect(stepsTold(told)).toEqual([3, 3]);
      expect(progress.every((share) => share >= 0 && share <= 1)).toBe(true);
      expect(existsSync(path.join(shared, ".vqkit-queue"))).toBe(false);

      // Resumed, it keeps what is finished, and asks workers for nothing.
      const again = await drained(resumeComparison(out, { queue: { url }, shared }));
      expect(again.map(({ type }) => type)).toEqual(["run-kept", "run-kept"]);
      const client = redis?.client();
      expect(await client?.keys("*")).toEqual([]);
      client?.disconnect();
    });

    it("another worker continues a run from the newest checkpoint of one that was told to end", async () => {
      const { shared, options, runs, expected, queue } = await trainedHere(24);
      const submitted = drained(compareQuantizers(options, queue));
      const first = await served(shared, url, async () => {
        // As soon as it has made some steps of the first run.
        for (let tries = 0; tries < 1000; tries++) {
          const [attempt = ""] = await attempts(shared, 0).catch(() => []);
          const names = await readdir(path.join(attempt, "checkpoints")).catch(() => []);
          if (names.some((name) => Number(name.slice(5, 13)) > 3)) return;
          await sleep(5);
        }
      });
      expect(stepsTold(first.events)).toEqual([]);
      const [attempt = ""] = await attempts(shared, 0);
      const [saved = ""] = (await readdir(path.join(attempt, "checkpoints"))).sort().reverse();
      const { events } = await served(shared, url, () => submitted);
      expect(Number(saved.slice(5, 13))).toBeLessThan(24);
      expect(stepsTold(events)).toEqual([24, 24]);
      expect(await outcomeOf(runs)).toEqual(expected);
    });

    it("a worker that wakes after its lease has ended completes nothing, and what it trained is not lost", async () => {
      const { shared, options, runs, expected, queue } = await trainedHere(6);
      const submitted = compareQuantizers(options, { ...queue, leaseSeconds: 0.5 });
      const done = drained(submitted);
      const connection = await QueueConnection.open({ url });
      let [task] = await readTasks(connection.redis);
      while (task === undefined) {
        await sleep(20);
        [task] = await readTasks(connection.redis);
      }
      const taker = connection.taker(queueName(task.id), 0.5);
      const asleep = await taker.getNextJob("asleep", { block: false });
      expect(asleep?.data).toMatchObject({ piece: 0 });
      // It has made four steps before it falls asleep.
      const dir = path.join(shared, ".vqkit-queue", task.id, "000000-00000000000000aa");
      const { quantizers = [], base } = options;
      const [config] = JSON.parse(await readFile(path.join(path.dirname(dir), "plan.json"), "utf8")).runs;
      expect([quantizers.length, base.steps]).toEqual([2, 6]);
      const trainer = await Trainer.create({ ...config.config, out: dir, allowOversize: true });
      for await (const { step } of trainer.run()) if (step === 4) break;
      trainer.dispose();
      const before = await readFile(path.join(dir, "metrics.jsonl"), "utf8");
      const { events } = await served(shared, url, () => done);
      const stale = { folder: "000000-00000000000000aa", digest: "0".repeat(64), items: 6 };
      await expect(asleep?.moveToCompleted(stale, "asleep", false)).rejects.toThrow();
      await connection.close();
      expect(stepsTold(events)).toEqual([6, 6]);
      expect(await outcomeOf(runs)).toEqual(expected);
      // The steps that it had made were taken over, with the times that it had taken for them.
      const metrics = await readFile(path.join(runs[0] as string, "metrics.jsonl"), "utf8");
      expect(before.split("\n")).toHaveLength(5);
      expect(metrics.startsWith(before)).toBe(true);
    });

    it("what was begun without a queue is finished on one, and what is finished is kept", async () => {
      const { shared, options, runs, expected, queue, out } = await trainedHere(6);
      for await (const event of compareHere(options)) {
        if (event.type === "step" && event.index === 0 && event.metrics.step === 4) break;
      }
      const { result, events } = await served(shared, url, () => drained(resumeComparison(out, queue)));
      expect(kept(result)).toEqual(["run-end", "run-end"]);
      expect(stepsTold(events)).toEqual([6, 6]);
      expect(await outcomeOf(runs)).toEqual(expected);
      await rm(runs[1] as string, { recursive: true });
      const again = await served(shared, url, () => drained(resumeComparison(out, queue)));
      expect(kept(again.result)).toEqual(["run-kept", "run-end"]);
      expect(stepsTold(again.events)).toEqual([0, 6]);
      expect(await outcomeOf(runs)).toEqual(expected);
    });

    it("tries a run three times that fails, does the rest, and names it; resumed it is tried again", async () => {
      const { shared, options, out } = await sharedComparison({ steps: 4, checkpointEvery: null });
      const queue = { queue: { url }, shared, leaseSeconds: 5 };
      const poisoned: ComparisonOptions = {
        ...options,
        quantizers: [{ kind: "diverging", codeDim: 8, atUpdate: 1 }, "fsq"],
      };
      const { result, events } = await served(shared, url, () =>
        drained(compareQuantizers(poisoned, queue)).catch((error: Error) => error),
      );
      expect(result).toMatchObject({ code: "queue" });
      expect((result as Error).message).toMatch(
        /expected all 2 runs, got 1 that failed at every try: diverging-seed0 \(.+\)\. The others are done/,
      );
      const failed = events.filter(({ type }) => type === "failed") as Extract<
        WorkerEvent,
        { type: "failed" }
      >[];
      expect(failed.map(({ piece }) => piece)).toEqual([0, 0, 0]);
      const { figures } = await (await RunFolder.open(path.join(out, "fsq-seed0"))).readSummary();
      expect(figures.seed).toBe(0);
      const again = await served(shared, url, () =>
        drained(resumeComparison(out, queue)).catch((error: Error) => error),
      );
      expect((again.result as Error).message).toMatch(/diverging-seed0/);
      expect(again.events.filter(({ type }) => type === "failed")).toHaveLength(3);
    });

    it("refuses other images when it is resumed, and workers whose first step differs", async () => {
      const { shared, options, out } = await sharedComparison({ steps: 3 });
      const queue = { queue: { url }, shared };
      const stop = new AbortController();
      const ended = drained(compareQuantizers(options, { ...queue, signal: stop.signal })).catch(() => {});
      const connection = await QueueConnection.open({ url });
      let [task] = await readTasks(connection.redis);
      while (task === undefined) {
        await sleep(20);
        [task] = await readTasks(connection.redis);
      }
      const other = { ...task, probe: "0".repeat(64), createdAt: task.createdAt + 1 };
      await connection.redis.hset("vqkit:tasks", task.id, JSON.stringify(other));
      const { events } = await served(shared, url, () => sleep(1500));
      expect(events).toMatchObject([
        {
          type: "refused",
          reason: expect.stringMatching(/arithmetic that makes 000000000000 of the first step/),
        },
      ]);
      await connection.close();
      stop.abort(new Error("interrupted"));
      await ended;
      const [more] = [await temporaryFolder()];
      await writeImages(more, 7);
      await rename(path.join(more, "image06.png"), path.join(shared, "images", "image06.png"));
      await expect(resumeComparison(out, queue).next()).rejects.toMatchObject({ path: "data.images" });
    });

    it("makes a run again whose files were damaged before they were put into their place", async () => {
      const { shared, options, runs, expected, queue } = await trainedHere(4);
      const submitted = compareQuantizers(options, queue);
      const { result } = await served(shared, url, async () => {
        const first = submitted.next();
        for (;;) {
          const [attempt] = await attempts(shared, 1).catch(() => []);
          const names = attempt === undefined ? [] : await readdir(attempt);
          if (attempt !== undefined && names.includes("piece.json")) {
            await writeFile(path.join(attempt, "piece.json"), "{}");
            break;
          }
          await sleep(2);
        }
        await first;
        return drained(submitted);
      });
      expect(kept(result)).toEqual(["run-end"]);
      expect(await outcomeOf(runs)).toEqual(expected);
    });
  },
);
