import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import type { Terminal } from "../../cli/terminal.js";
import { startTrainingDisplay, type TrainingDisplay } from "../../cli/training-display.js";
import type { Finding } from "../../src/reports/index.js";
import type { StepMetrics } from "../../src/training/index.js";

const SHOW_CURSOR = "\x1b[?25h";
const HIDE_CURSOR = "\x1b[?25l";

interface Screen {
  readonly terminal: Terminal;
  readonly text: () => string;
  readonly interrupt: () => void;
}

function screen(columns: number, { isTTY = true, rows = 24 } = {}): Screen {
  let text = "";
  const stderr = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString();
      done();
    },
  });
  Object.assign(stderr, { isTTY, columns, rows });
  const interruption = new AbortController();
  const terminal = { stdout: new Writable(), stderr, signal: interruption.signal };
  return { terminal, text: () => text, interrupt: () => interruption.abort() };
}

/** What moves and erases on a terminal. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROL = /\x1b\[[?\d;]*[A-Za-z]/g;

/** The lines of the last drawing. */
function panel({ text }: Screen): string[] {
  return text()
    .replace(CONTROL, "\r")
    .split("\n")
    .slice(-5, -1)
    .map((line) => line.split("\r").filter(Boolean).at(-1) ?? "");
}

function metrics(step: number): StepMetrics {
  return {
    step,
    totalLoss: 1,
    reconstructionLoss: 1 / step,
    learningRate: 1e-3,
    gradientNorm: 1,
    quantizationError: 1,
    usageBatch: 0.1,
    perplexityBatch: 3,
    samplesBatch: 64,
    usageWindow: step / 100,
    perplexityWindow: 3,
    samplesWindow: 64 * Math.min(step, 50),
    usageEpoch: step / 100,
    perplexityEpoch: 3,
    samplesEpoch: 64,
    usage: step / 100,
    imagesPerSecond: 10,
    elapsedSeconds: step,
  };
}

const FINDING: Finding = {
  rule: "usage-falling",
  title: "Codebook usage is falling",
  severity: "critical",
  seen: "usage of one batch: 1.0 % in the last tenth of the run, 5.0 % in its best",
  remedies: ["lower the learning rate"],
  symptoms: [],
};

function run(display: TrainingDisplay, steps: number): void {
  for (let step = 1; step <= steps; step++) display.step(metrics(step));
}

describe("the panel", () => {
  test("shows bar, curves and the doctor's newest finding, and gives the cursor back", () => {
    const shown = screen(120);
    const display = startTrainingDisplay(shown.terminal, { kind: "vq", steps: 8, quiet: false });
    run(display, 4);
    display.finding(FINDING);
    display.stop();
    const [progress, loss, usage, doctor] = panel(shown);
    expect(progress).toMatch(/^training vq {2}█{12}░{12} {2}50 % {2}4\/8 steps {2}/);
    // 1, 1/2, 1/3, 1/4 on a logarithmic scale: 1/2 is the half, 1/3 a fifth up.
    expect(loss).toBe("loss       0.250  of one batch         █▅▂▁");
    expect(usage).toBe("usage      4.0 %  of the last 4 steps  ▁▃▆█");
    expect(doctor).toBe(
      "doctor  critical: Codebook usage is falling: usage of one batch: 1.0 % in the last tenth of the run…",
    );
    expect(shown.text().startsWith(HIDE_CURSOR)).toBe(true);
    expect(shown.text().lastIndexOf(SHOW_CURSOR)).toBeGreaterThan(shown.text().lastIndexOf(HIDE_CURSOR));
  });

  test.each([1, 12, 30, 39, 60, 79])("fits %d columns, one row a line", (columns) => {
    const shown = screen(columns);
    const display = startTrainingDisplay(shown.terminal, { kind: "rotation", steps: 1000, quiet: false });
    run(display, 40);
    display.finding(FINDING);
    display.stop();
    for (const line of panel(shown)) expect(line.length).toBeLessThanOrEqual(Math.max(1, columns - 1));
    if (columns >= 30) expect(panel(shown)[0]).toContain("4 %");
  });

  test("gives the cursor back at an interruption, before the run has ended", () => {
    const shown = screen(80);
    const display = startTrainingDisplay(shown.terminal, { kind: "vq", steps: 8, quiet: false });
    run(display, 3);
    shown.interrupt();
    expect(shown.text()).toContain(SHOW_CURSOR);
    const before = shown.text();
    display.step(metrics(4));
    display.stop();
    expect(shown.text()).toBe(before);
    display.note("a last word");
    expect(shown.text()).toBe(`${before}a last word\n`);
  });

  test("keeps notes above itself, without what a terminal would obey", () => {
    const shown = screen(80);
    const display = startTrainingDisplay(shown.terminal, { kind: "vq", steps: 8, quiet: false });
    display.note("a name\x1b[2J");
    display.stop();
    // Wrapping stays on, so that a long note is seen whole, and what it may wrap over is cleared.
    expect(shown.text()).toContain("\x1b[Ja name\\x1b[2J\n");
    expect(shown.text()).not.toContain("\x1b[?7l");
    expect(panel(shown)[3]).toBe("doctor  nothing found");
  });

  test("says what it waits for", async () => {
    const shown = screen(80);
    const display = startTrainingDisplay(shown.terminal, { kind: "vq", steps: 8, quiet: false });
    display.phase("untrained");
    await expect.poll(shown.text).toContain("0/8 steps  evaluating the untrained model");
    display.stop();
    expect(panel(shown)[0]).toContain("0/8 steps  starting");
    const resumed = screen(80);
    startTrainingDisplay(resumed.terminal, { kind: "vq", steps: 8, done: 6, quiet: false }).stop();
    expect(panel(resumed)[0]).toContain("75 %  6/8 steps  starting");
  });
});

describe("elsewhere", () => {
  test("plain lines without a terminal, or on one of a few rows a bar", () => {
    const plain = screen(80, { isTTY: false });
    const lines = startTrainingDisplay(plain.terminal, { kind: "vq", steps: 3, quiet: false });
    run(lines, 3);
    lines.note("doctor     step 3: warning");
    lines.stop();
    expect(plain.text()).toMatch(
      /^training vq: 3\/3 steps( \| [^|\n]*)? \| loss 0\.333, usage of the last 3 steps 3\.0 %\ndoctor {5}step 3: warning\n$/,
    );
    const low = screen(80, { rows: 3 });
    const bar = startTrainingDisplay(low.terminal, { kind: "vq", steps: 3, quiet: false });
    bar.stop();
    expect(low.text()).not.toContain("doctor");
  });

  test("nothing when quiet", () => {
    const shown = screen(80);
    const display = startTrainingDisplay(shown.terminal, { kind: "vq", steps: 3, quiet: true });
    run(display, 3);
    display.note("not this either");
    display.stop();
    expect(shown.text()).toBe("");
  });
});
