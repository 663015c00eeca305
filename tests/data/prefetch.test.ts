import { setImmediate, setTimeout } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Semaphore } from "../../src/core/semaphore.js";
import { mapAhead } from "../../src/data/prefetch.js";

function* naturals(): Generator<number, never> {
  for (let n = 0; ; n++) yield n;
}

describe("mapAhead", () => {
  it.each([0, 1, 3, 20])("keeps the order whatever finishes first, %i ahead", async (ahead) => {
    const results: number[] = [];
    const job = async (n: number) => {
      await setTimeout((n * 7) % 5);
      return n * n;
    };
    for await (const value of mapAhead([0, 1, 2, 3, 4, 5, 6], job, { ahead })) results.push(value);
    expect(results).toEqual([0, 1, 4, 9, 16, 25, 36]);
  });

  it("runs ahead of the consumer, but not further than asked", async () => {
    let started = 0;
    const results = mapAhead(naturals(), async () => ++started, { ahead: 3 });
    await setImmediate();
    expect(started).toBe(0);
    await results.next();
    await setImmediate();
    expect(started).toBe(4);
    await results.next();
    expect(started).toBe(5);
    await results.return();
    expect(started).toBe(5);
  });

  it("does nothing ahead of demand when told so", async () => {
    let started = 0;
    const results = mapAhead(naturals(), async () => ++started, { ahead: 0 });
    for (let n = 1; n < 4; n++) {
      expect((await results.next()).value).toBe(n);
      await setImmediate();
      expect(started).toBe(n);
    }
  });

  it("fails in its turn, with the job's own error, and waits for the others", async () => {
    const finished: number[] = [];
    const job = async (n: number, signal: AbortSignal) => {
      if (n === 2) throw new Error("two");
      await setTimeout(n * 5);
      finished.push(n);
      return signal.aborted ? -1 : n;
    };
    const seen: number[] = [];
    const run = async () => {
      for await (const n of mapAhead(naturals(), job, { ahead: 4 })) seen.push(n);
    };
    await expect(run()).rejects.toThrow("two");
    expect(seen).toEqual([0, 1]);
    const at = [...finished];
    // Whatever had started has settled: nothing more finishes later.
    expect(Math.max(...at)).toBeGreaterThan(2);
    await setTimeout(60);
    expect(finished).toEqual(at);
  });

  it("passes on an error of the source", async () => {
    function* broken() {
      yield 1;
      throw new Error("source");
    }
    const run = async () => {
      for await (const _ of mapAhead(broken(), async (n) => n, { ahead: 2 }));
    };
    await expect(run()).rejects.toThrow("source");
  });

  it("on an early break aborts the jobs, waits for them and closes the source", async () => {
    let closed = false;
    function* source() {
      try {
        yield* naturals();
      } finally {
        closed = true;
      }
    }
    let running = 0;
    let aborted = 0;
    const job = async (n: number, signal: AbortSignal) => {
      running++;
      await setTimeout(n * 10);
      if (signal.aborted) aborted++;
      running--;
      return n;
    };
    for await (const n of mapAhead(source(), job, { ahead: 3 })) if (n === 1) break;
    expect({ closed, running, aborted }).toEqual({ closed: true, running: 0, aborted: 3 });
  });
});

describe("mapAhead over an asynchronous source", () => {
  it("asks for one item at a time, in order, and no further ahead than asked", async () => {
    let asking = 0;
    let drawn = 0;
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        async next() {
          expect(++asking).toBe(1);
          await setTimeout(drawn % 3);
          asking--;
          return drawn === 9 ? { done: true, value: undefined } : { done: false, value: drawn++ };
        },
      }),
    };
    const seen: number[] = [];
    const job = async (n: number) => {
      await setTimeout((n * 7) % 5);
      return n * n;
    };
    for await (const value of mapAhead(source, job, { ahead: 2 })) {
      seen.push(value);
      expect(drawn - seen.length).toBeLessThanOrEqual(3);
    }
    expect(seen).toEqual([0, 1, 4, 9, 16, 25, 36, 49, 64]);
  });

  it("fails with the source's error, behind the results before it", async () => {
    async function* broken() {
      yield 1;
      yield 2;
      throw new Error("source");
    }
    const seen: number[] = [];
    const run = async () => {
      for await (const n of mapAhead(broken(), async (n) => n, { ahead: 5 })) seen.push(n);
    };
    await expect(run()).rejects.toThrow("source");
    expect(seen).toEqual([1, 2]);
  });

  it("on an early break draws nothing more, waits for the jobs and closes the source", async () => {
    let drawn = 0;
    let closed = false;
    async function* source() {
      try {
        for (;;) {
          await setTimeout(1);
          yield drawn++;
        }
      } finally {
        closed = true;
      }
    }
    let running = 0;
    const job = async (n: number) => {
      running++;
      await setTimeout(3);
      running--;
      return n;
    };
    for await (const n of mapAhead(source(), job, { ahead: 4 })) if (n === 1) break;
    expect({ closed, running }).toEqual({ closed: true, running: 0 });
    const end = drawn;
    await setTimeout(10);
    expect(drawn).toBe(end);
  });
});

describe("Semaphore", () => {
  it("keeps the sum of weights within the capacity, in order of arrival", async () => {
    const semaphore = new Semaphore(10);
    const started: number[] = [];
    let now = 0;
    let most = 0;
    const job = (weight: number, i: number) =>
      semaphore.run(weight, async () => {
        started.push(i);
        now += Math.min(weight, 10);
        most = Math.max(most, now);
        await setTimeout(2);
        now -= Math.min(weight, 10);
      });
    // 25 exceeds the capacity: it runs, alone.
    await Promise.all([4, 5, 3, 25, 1, 9, 2].map(job));
    expect(started).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(most).toBe(10);
  });

  it("frees what a failed job held, and starts no waiting job after an abort", async () => {
    const semaphore = new Semaphore(1);
    const stop = new AbortController();
    let ran = false;
    const first = semaphore.run(1, async () => {
      await setTimeout(5);
      throw new Error("failed");
    });
    const second = semaphore.run(1, async () => (ran = true), stop.signal);
    stop.abort(new Error("stopped"));
    await Promise.all([expect(first).rejects.toThrow("failed"), expect(second).rejects.toThrow("stopped")]);
    expect(ran).toBe(false);
    expect(await semaphore.run(1, async () => "free")).toBe("free");
  });
});
