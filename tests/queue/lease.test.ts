import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { Lease } from "../../src/queue/lease.js";

/** A job whose renewals answer as they are told, and count. */
function job(answer: (renewal: number) => Promise<number>) {
  const asked: [token: string, milliseconds: number][] = [];
  return {
    asked,
    extendLock: (token: string, milliseconds: number) => {
      asked.push([token, milliseconds]);
      return answer(asked.length);
    },
  };
}

describe("Lease", () => {
  it("is renewed four times within its length, until it ends", async () => {
    const renewed = job(async () => 1);
    const lease = new Lease(renewed, "mine", 0.2);
    await sleep(500);
    lease.end();
    expect(lease.isLost).toBe(false);
    const { length } = renewed.asked;
    // Every 50 ms, where timers come late.
    expect(length).toBeGreaterThanOrEqual(4);
    expect(length).toBeLessThanOrEqual(10);
    expect(renewed.asked[0]).toEqual(["mine", 200]);
    await sleep(120);
    expect(renewed.asked).toHaveLength(length);
  });

  it("is lost when another has it", async () => {
    const lease = new Lease(
      job(async (renewal) => (renewal < 2 ? 1 : 0)),
      "mine",
      0.2,
    );
    await sleep(300);
    expect(lease.isLost).toBe(true);
    expect(lease.signal.reason).toMatchObject({ code: "queue" });
  });

  it("is lost by its own clock when nobody answers, and not before", async () => {
    const lease = new Lease(
      job(() => new Promise(() => {})),
      "mine",
      0.4,
    );
    await sleep(200);
    expect(lease.isLost).toBe(false);
    await sleep(350);
    expect(lease.isLost).toBe(true);
  });

  it("outlives a renewal that fails, if a later one succeeds", async () => {
    const lease = new Lease(
      job(async (renewal) => {
        if (renewal === 1) throw new Error("connection lost");
        return 1;
      }),
      "mine",
      0.3,
    );
    await sleep(600);
    expect(lease.isLost).toBe(false);
    lease.end();
  });
});
