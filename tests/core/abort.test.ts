import { describe, expect, it } from "vitest";
import { abortable, untilAborted } from "../../src/core/abort.js";

const never = new Promise<never>(() => {});

describe("abortable", () => {
  it("is the promise where nothing is aborted", async () => {
    const signal = new AbortController().signal;
    expect(await abortable(Promise.resolve(3), signal)).toBe(3);
    expect(await abortable(Promise.resolve(4), undefined)).toBe(4);
    await expect(abortable(Promise.reject(new TypeError("own")), signal)).rejects.toThrow("own");
  });

  it("fails at once with the signal's reason, before and while it waits", async () => {
    await expect(abortable(never, AbortSignal.abort("early"))).rejects.toBe("early");
    const controller = new AbortController();
    const waiting = abortable(never, controller.signal);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
  });

  it("leaves a failure that comes later to nobody, instead of ending the process", async () => {
    let fail: (error: Error) => void = () => {};
    const late = new Promise<never>((_, reject) => {
      fail = reject;
    });
    await expect(abortable(late, AbortSignal.abort("gone"))).rejects.toBe("gone");
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on("unhandledRejection", note);
    fail(new Error("late"));
    await new Promise((next) => setTimeout(next, 20));
    process.off("unhandledRejection", note);
    expect(unhandled).toEqual([]);
  });
});

describe("untilAborted", () => {
  it("yields all there is, and ends the generator with its reader", async () => {
    const ended: string[] = [];
    async function* count() {
      try {
        yield 1;
        yield 2;
        yield 3;
      } finally {
        ended.push("ended");
      }
    }
    const signal = new AbortController().signal;
    const all: number[] = [];
    for await (const value of untilAborted(count(), signal)) all.push(value);
    expect(all).toEqual([1, 2, 3]);
    for await (const value of untilAborted(count(), signal)) if (value === 2) break;
    expect(ended).toEqual(["ended", "ended"]);
  });

  it("does not wait for a value that never comes", async () => {
    async function* stuck() {
      yield 1;
      await never;
    }
    const controller = new AbortController();
    const values = untilAborted(stuck(), controller.signal);
    expect(await values.next()).toEqual({ done: false, value: 1 });
    setTimeout(() => controller.abort("enough"), 5);
    await expect(values.next()).rejects.toBe("enough");
  });
});
