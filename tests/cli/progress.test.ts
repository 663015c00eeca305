import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { formatRate, formatSeconds, startProgress } from "../../cli/progress.js";
import type { Terminal } from "../../cli/terminal.js";

function fakeTerminal(isTTY: boolean): { terminal: Terminal; text: () => string } {
  let text = "";
  const stderr = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  // What a bar asks of a terminal besides writing.
  Object.assign(stderr, {
    isTTY,
    columns: 120,
    cursorTo: () => true,
    clearLine: () => true,
    moveCursor: () => true,
  });
  const terminal = { stdout: new Writable(), stderr, signal: new AbortController().signal };
  return { terminal, text: () => text };
}

describe("startProgress", () => {
  test("draws a bar on a terminal, with its end state", () => {
    const { terminal, text } = fakeTerminal(true);
    const progress = startProgress(terminal, { label: "training vq", total: 4, unit: "steps" });
    for (let step = 1; step <= 4; step++) progress.update(step, `loss ${step}`);
    progress.stop();
    expect(text()).toContain("training vq");
    expect(text()).toContain("4/4 steps");
    expect(text()).toContain("loss 4");
  });

  test("writes a last line elsewhere, and none between that come too soon", () => {
    const { terminal, text } = fakeTerminal(false);
    const progress = startProgress(terminal, { label: "encoding", total: 3, unit: "images" });
    for (let done = 1; done <= 3; done++) progress.update(done);
    progress.stop();
    expect(text()).toMatch(/^encoding: 3\/3 images( \| [\d.]+\/s, 0 s left)?\n$/);
  });

  test("does not count against the pace what came before the first unit", async () => {
    const { terminal, text } = fakeTerminal(false);
    const progress = startProgress(terminal, { label: "training vq", total: 2, unit: "steps" });
    progress.update(0, "choosing the first codes 10 %");
    await new Promise((go) => setTimeout(go, 300));
    progress.update(0, "choosing the first codes 90 %");
    await new Promise((go) => setTimeout(go, 20));
    progress.update(2);
    // 2 steps in 20 ms are 100/s, in 320 ms 6/s; timers and a busy machine make it less.
    expect(Number(/([\d.]+)\/s/.exec(text())?.[1])).toBeGreaterThan(7);
  });

  test("learns the total on the way, and does without one", () => {
    let total: number | undefined;
    const { terminal, text } = fakeTerminal(true);
    const progress = startProgress(terminal, { label: "encoding", total: () => total, unit: "images" });
    progress.update(2);
    total = 8;
    progress.update(4);
    progress.stop();
    expect(text()).toContain("4/8 images");
    const plain = fakeTerminal(false);
    const lines = startProgress(plain.terminal, { label: "encoding", total: () => total, unit: "images" });
    total = undefined;
    lines.update(5);
    expect(plain.text()).toBe("");
    total = 9;
    lines.update(9);
    expect(plain.text()).toMatch(/^encoding: 9\/9 images/);
  });

  test("is silent when quiet", () => {
    const { terminal, text } = fakeTerminal(true);
    const progress = startProgress(terminal, { label: "encoding", total: 1, unit: "images", quiet: true });
    progress.update(1);
    progress.stop();
    expect(text()).toBe("");
  });
});

test("durations and rates are short", () => {
  expect(formatSeconds(41.6)).toBe("42 s");
  expect(formatSeconds(59.7)).toBe("1 min 00 s");
  expect(formatSeconds(185)).toBe("3 min 05 s");
  expect(formatSeconds(7_805)).toBe("2 h 10 min");
  expect(formatRate(0.12345)).toBe("0.123");
  expect(formatRate(1234.5)).toBe("1235");
});
