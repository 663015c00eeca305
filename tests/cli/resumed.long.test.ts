import { mkdir, readdir, readFile, truncate } from "node:fs/promises";
import path from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { Interrupted } from "../../cli/errors.js";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";
import { SMALL, started, stepsOf } from "./resumed-program.js";

let dir: string;
let photos: string;
let out: string;

beforeEach(async () => {
  dir = await temporaryFolder();
  photos = path.join(dir, "photos");
  out = path.join(dir, "run");
  await mkdir(photos);
  await writeImages(photos, 4);
});

/** Trains until something is logged, and is interrupted then. */
async function interrupted(more: readonly string[] = []): Promise<string> {
  const interruption = new AbortController();
  const running = vqkit(
    ["train", photos, ...SMALL, "--steps", "100000", "--out", out, ...more],
    interruption.signal,
  );
  while ((await readFile(path.join(out, "metrics.jsonl"), "utf8").catch(() => "")) === "")
    await new Promise((go) => setTimeout(go, 20));
  interruption.abort(new Interrupted("Interrupted."));
  const { code, stderr } = await running;
  expect(code).toBe(130);
  return stderr;
}

describe("train --resume", () => {
  test("is what an interrupted run says to do, and does it: the folder, what changed, each step once", async () => {
    const said = await interrupted();
    const [, done] =
      /Interrupted after step (\d+) of 100000\. To resume: vqkit train --resume (\S+)\n$/.exec(said) ?? [];
    expect(said.trimEnd().endsWith(out)).toBe(true);
    const last = Number(done) + 3;
    const { code, stderr, stdout } = await vqkit(["train", "--resume", out, "--steps", String(last)]);
    expect({ code }).toEqual({ code: 0 });
    expect(stderr).toContain(`resume     after step ${done}, from ${out}`);
    expect(stderr).toContain(`changed    steps: 100000 → ${last}`);
    expect(stdout).toContain(`Written: ${out}`);
    expect(await stepsOf(out)).toEqual(Array.from({ length: last }, (_, i) => i + 1));
    expect(await readdir(out)).toEqual(
      expect.arrayContaining(["summary.json", "report.html", "model.safetensors"]),
    );
    const again = await vqkit(["train", "--resume", out]);
    expect(again).toMatchObject({ code: 1, stdout: "" });
    expect(again.stderr).toMatch(/^error: [^\n]+ finished at step \d+\. [^\n]+\(--steps\)\.\n$/);
  });

  test("names a damaged checkpoint, and takes the one before", async () => {
    const three = ["--steps", "3", "--checkpoint-every", "1", "--out", out];
    expect((await vqkit(["train", photos, ...SMALL, ...three])).code).toBe(0);
    await truncate(path.join(out, "checkpoints", "step-00000003.safetensors"), 200);
    const { code, stderr } = await vqkit(["train", "--resume", out]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^warning {4}damaged checkpoint left out: [^\n]*step-00000003\.safetensors/m);
    expect(stderr).toContain("resume     after step 2, ");
    expect(await stepsOf(out)).toEqual([1, 2, 3]);
  });

  test("--checkpoint best goes back, and is refused without a run, without such a checkpoint, and misspelt", async () => {
    const four = ["--steps", "4", "--set", "evaluateEvery=2", "--checkpoint-every", "1", "--out", out];
    expect((await vqkit(["train", photos, ...SMALL, ...four])).code).toBe(0);
    const names = await readdir(path.join(out, "checkpoints"));
    const best = Number(names.find((name) => name.includes("best"))?.slice(5, 13));
    const { code, stderr } = await vqkit([
      ...["train", "--resume", out, "--checkpoint", "best", "--steps", "5"],
    ]);
    expect({ code }).toEqual({ code: 0 });
    expect(stderr).toMatch(
      new RegExp(`^resume {5}after step ${best}, from [^\\n]*-best\\.safetensors, to step 5$`, "m"),
    );
    expect(await stepsOf(out)).toEqual([1, 2, 3, 4, 5]);

    const other = path.join(dir, "other");
    await vqkit(["train", photos, ...SMALL, "--steps", "1", "--out", other]);
    for (const [args, exit, message] of [
      [
        [photos, ...SMALL, "--checkpoint", "best"],
        2,
        /^error: --checkpoint: expected --resume RUN beside it/,
      ],
      [
        ["--resume", out, "--checkpoint", "last"],
        2,
        /^error: --checkpoint: expected "newest" or "best", got "last"/,
      ],
      [
        ["--resume", other, "--checkpoint", "best"],
        1,
        /^error: [^\n]+ expected a checkpoint marked best, got none/,
      ],
    ] as const) {
      const refused = await vqkit(["train", ...args]);
      expect(refused).toEqual({ code: exit, stdout: "", stderr: expect.stringMatching(message) });
    }
  });

  test("refuses by the flag's name what would make it another run, and a folder to write", async () => {
    await interrupted();
    for (const [flags, message] of [
      [["--quantizer", "vq"], /^error: --quantizer: expected "fsq" as in the run/],
      [
        ["--batch-size", "3"],
        /^error: --batch-size: expected 2 as in the run [^\n]+Only these may change: steps, /,
      ],
      [["--out", path.join(dir, "other")], /^error: --resume [^\n]+ no other folder/],
      [["--overwrite"], /^error: --resume: expected no --overwrite/],
    ] as const) {
      const { code, stderr } = await vqkit(["train", "--resume", out, ...flags]);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) });
    }
    const nothing = await vqkit(["train", "--resume", path.join(dir, "nothing")]);
    expect(nothing).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error: [^\n]+run folder/) });
  });

  test("--on-nan is checked", async () => {
    const { code, stderr } = await vqkit(["train", photos, ...SMALL, "--out", out, "--on-nan", "ignore"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^error: --on-nan: expected "stop" or "skip" or "rollback", got "ignore"/);
  });
});

describe("signals", () => {
  test("SIGTERM ends with 143, a checkpoint and no lock", async () => {
    const { child, ended } = await started(photos, out);
    child.kill("SIGTERM");
    const { code, stderr } = await ended;
    expect({ code, stderr }).toEqual({
      code: 143,
      stderr: expect.stringMatching(/^Interrupted after step \d+ of/),
    });
    expect((await readdir(out)).sort()).toEqual([
      "checkpoints",
      "config.json",
      "metrics.jsonl",
      "timeline.vqt",
    ]);
  });
});
