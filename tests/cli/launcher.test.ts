import { setTimeout as wait } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type Ancestry, watchLauncher } from "../../cli/launcher.js";

const NPM = { npm_lifecycle_event: "npx", npm_execpath: "/usr/lib/npm-cli.js" };

/** Numbers of processes: 30 is the parent, 20 its parent, 1 adopts orphans. */
function ancestry(parent: string, changes: Partial<Ancestry> = {}) {
  const state = { ppid: 30, ended: new Set<number>() };
  const found: Ancestry = {
    env: NPM,
    ppid: () => state.ppid,
    processOf: (pid) => (pid === 30 ? { ppid: 20, name: parent } : undefined),
    isAlive: (pid) => !state.ended.has(pid),
    ...changes,
  };
  return { state, found };
}

describe("the npm that started the program", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test.each<
    [string, string, Partial<Ancestry>, (state: { ppid: number; ended: Set<number> }) => void, number]
  >([
    ["npm itself, which ends", "node", {}, (state) => (state.ppid = 1), 1],
    ["a shell, which ends", "sh", {}, (state) => (state.ppid = 1), 1],
    ["a shell, whose npm ends", "sh", {}, ({ ended }) => ended.add(20), 1],
    ["a shell by its path, whose npm ends", "/bin/bash", {}, ({ ended }) => ended.add(20), 1],
    ["no shell, and whoever started that ends", "node", {}, ({ ended }) => ended.add(20), 0],
    ["nothing that can be told", "sh", { processOf: () => undefined }, ({ ended }) => ended.add(20), 0],
    ["a shell that somebody has adopted", "sh", { processOf: () => ({ ppid: 1, name: "sh" }) }, () => {}, 0],
    ["a shell without npm", "sh", { env: {} }, (state) => (state.ppid = 1), 0],
    ["a script's shell", "sh", { env: { npm_lifecycle_event: "test" } }, (state) => (state.ppid = 1), 0],
  ])("the parent is %s", (_, parent, changes, change, times) => {
    const { state, found } = ancestry(parent, changes);
    const onEnd = vi.fn();
    watchLauncher(found, onEnd);
    vi.advanceTimersByTime(2_000);
    expect(onEnd).not.toHaveBeenCalled();
    change(state);
    vi.advanceTimersByTime(5_000);
    expect(onEnd).toHaveBeenCalledTimes(times);
  });

  test("is no longer watched when that is not wanted", () => {
    const { state, found } = ancestry("sh");
    const onEnd = vi.fn();
    watchLauncher(found, onEnd)();
    state.ppid = 1;
    vi.advanceTimersByTime(5_000);
    expect(onEnd).not.toHaveBeenCalled();
  });
});

test("watching keeps no process alive", async () => {
  const before = process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
  const stop = watchLauncher(ancestry("sh").found, () => {});
  await wait(1);
  expect(process.getActiveResourcesInfo().filter((name) => name === "Timeout").length).toBe(before);
  stop();
});
