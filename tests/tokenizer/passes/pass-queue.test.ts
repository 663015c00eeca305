import { describe, expect, it } from "vitest";
import { VqkitError } from "../../../src/core/errors.js";
import type { PassResult, PassTask } from "../../../src/tokenizer/passes/joined-passes.js";
import { PassQueue } from "../../../src/tokenizer/passes/pass-queue.js";
import type { IndexGrid } from "../../../src/tokenizer/passes/passes.js";

/** An image of one colour, which `encoded` makes a grid of that index of. */
function image(value: number, { height = 8, width = 4, count = 1 } = {}): PassTask {
  const pixels = new Uint8Array(count * height * width * 3).fill(value);
  return { kind: "encode", pixels: { pixels, count, height, width } };
}

/** What a model of downsampling factor 4 would make of `image`: each cell has the value of its image. */
function encoded(task: PassTask): IndexGrid {
  if (task.kind !== "encode") throw new TypeError("Expected images.");
  const { pixels, count, height, width } = task.pixels;
  const cells = (height * width) / 16;
  const indices = Uint16Array.from(
    { length: count * cells },
    (_, i) => pixels[Math.floor(i / cells) * height * width * 3] as number,
  );
  return { indices, shape: [count, height / 4, width / 4, 1] };
}

/** A thread that computes when it is told to. @returns sizes of the passes that began, and how to end the first one */
function thread({ lanes = 1, compute = encoded as (task: PassTask) => PassResult } = {}) {
  const begun: number[] = [];
  const ends: (() => void)[] = [];
  const queue = new PassQueue(
    async (task) => {
      begun.push(task.kind === "encode" ? task.pixels.count : 0);
      await new Promise<void>((end) => ends.push(end));
      return compute(task);
    },
    { lanes, factor: 4 },
  );
  /** Ends all that runs, and what begins by that. */
  const finish = async () => {
    for (;;) {
      for (const end of ends.splice(0)) end();
      await new Promise((next) => setImmediate(next));
      if (ends.length === 0) return;
    }
  };
  return { queue, begun, finish };
}

describe("PassQueue", () => {
  it("joins what waits in powers of two, and gives each its own result", async () => {
    const { queue, begun, finish } = thread();
    const all = Promise.all([9, 1, 2, 3, 4, 5, 6, 7].map((value) => queue.add(image(value))));
    expect(queue.length).toBe(7); // the first began at once
    await finish();
    expect((await all).map((result) => (result as IndexGrid).indices)).toEqual(
      [9, 1, 2, 3, 4, 5, 6, 7].map((value) => Uint16Array.of(value, value)),
    );
    // 1 at once, then of seven that wait 4, of the three left 2, and 1.
    expect(begun).toEqual([1, 4, 2, 1]);
  });

  it("joins only passes of one kind and size, and none that has several images", async () => {
    const { queue, begun, finish } = thread();
    const tasks = [
      image(0),
      image(1),
      image(2, { width: 8 }),
      image(3, { count: 3 }),
      image(4),
      image(5, { width: 8 }),
    ];
    const results = Promise.all(tasks.map((task) => queue.add(task)));
    await finish();
    expect((await results).map((result) => (result as IndexGrid).shape)).toEqual([
      [1, 2, 1, 1],
      [1, 2, 1, 1],
      [1, 2, 2, 1],
      [3, 2, 1, 1],
      [1, 2, 1, 1],
      [1, 2, 2, 1],
    ]);
    // The one at once; images 1 and 4; images 2 and 5; the three.
    expect(begun).toEqual([1, 2, 2, 3]);
  });

  it("joins no more than 2^16 pixels", async () => {
    const { queue, begun, finish } = thread();
    const large = { height: 256, width: 128 }; // two of them are 2^16
    const results = Promise.all([1, 2, 3, 4, 5].map((value) => queue.add(image(value, large))));
    await finish();
    await results;
    expect(begun).toEqual([1, 2, 2]);
  });

  it("uses all threads before anything waits", async () => {
    const { queue, begun, finish } = thread({ lanes: 2 });
    const results = Promise.all([1, 2, 3].map((value) => queue.add(image(value))));
    expect([begun, queue.length]).toEqual([[1, 1], 1]);
    await finish();
    await results;
  });

  it("drops a pass that is aborted: one that waits is not computed, of one that runs nobody waits", async () => {
    const { queue, begun, finish } = thread();
    const [running, waiting] = [new AbortController(), new AbortController()];
    const results = Promise.allSettled([
      queue.add(image(1), running.signal),
      queue.add(image(2), waiting.signal),
      queue.add(image(3)),
    ]);
    waiting.abort("left");
    running.abort("left too");
    expect(queue.length).toBe(1);
    await finish();
    expect(await results).toEqual([
      { status: "rejected", reason: "left too" },
      { status: "rejected", reason: "left" },
      { status: "fulfilled", value: encoded(image(3)) },
    ]);
    expect(begun).toEqual([1, 1]);
    expect(() => queue.add(image(4), AbortSignal.abort("before"))).toThrow("before");
  });

  it("computes joined passes one by one where they fail together: only what is wrong fails", async () => {
    const failing = (task: PassTask): PassResult => {
      if (task.kind === "encode" && task.pixels.pixels.includes(13)) throw new RangeError("thirteen");
      return encoded(task);
    };
    const { queue, begun, finish } = thread({ compute: failing });
    const results = Promise.allSettled([1, 2, 13, 4, 5].map((value) => queue.add(image(value))));
    await finish();
    expect((await results).map(({ status }) => status)).toEqual([
      "fulfilled",
      "fulfilled",
      "rejected",
      "fulfilled",
      "fulfilled",
    ]);
    expect(begun).toEqual([1, 4, 1, 1, 1, 1]);
  });

  it("ends: what waits fails, what runs is waited for", async () => {
    const { queue, finish } = thread();
    const results = Promise.allSettled([queue.add(image(1)), queue.add(image(2))]);
    let isOver = false;
    const end = queue.end(new VqkitError("engine", "gone")).then(() => {
      isOver = true;
    });
    await new Promise((next) => setImmediate(next));
    expect(isOver).toBe(false);
    await finish();
    await end;
    expect((await results).map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
  });
});
