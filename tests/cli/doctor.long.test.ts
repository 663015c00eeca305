import { rm } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";

async function trained(steps: number): Promise<{ dir: string; run: string }> {
  const dir = await temporaryFolder();
  await writeImages(dir, 3);
  const run = path.join(dir, "run");
  const { code } = await vqkit([
    ...["train", dir, "--out", run, "--quantizer", "simvq", "--codebook-size", "600", "--preset", "tiny"],
    ...[
      "--downsampling-factor",
      "2",
      "--set",
      "model.baseWidth=8",
      "--crop-size",
      "16x24",
      "--code-dim",
      "8",
    ],
    ...["--steps", String(steps), "--batch-size", "2", "--threads", "1", "--quiet"],
  ]);
  expect(code).toBe(0);
  return { dir, run };
}

describe("doctor RUN", () => {
  test("a table of all rules with what to try, exit code 0 whatever is found; the same as JSON", async () => {
    const { run } = await trained(24);
    const shown = await vqkit(["doctor", run]);
    expect(shown).toMatchObject({ code: 0, stderr: "" });
    // 24 steps of 2 · 8 · 12 indices are 7.7 a code.
    // They are fewer than four times the warm-up of 50: one finding, and what it looks like besides.
    expect(shown.stdout).toMatch(/^(?:warning|critical) +under-trained +\S/m);
    expect(shown.stdout).not.toMatch(/^(?:warning|critical) +(?!under-trained)\S/m);
    expect(shown.stdout).toMatch(/\(under-trained\)\. Try:\n {2}- more steps/);
    expect(shown.stdout).toContain("  - over-sized-codebook: 7.68 latents a code in 24 steps; under 39\n");

    const { stdout, code } = await vqkit(["doctor", run, "--json"]);
    expect(code).toBe(0);
    interface Note {
      readonly rule: string;
      readonly symptoms?: readonly Note[];
    }
    const result = JSON.parse(stdout) as Record<"findings" | "fine" | "notJudged", Note[]>;
    expect(result).toMatchObject({ run, lastStep: 24, plannedSteps: 24 });
    const symptoms = result.findings.flatMap((finding) => finding.symptoms ?? []);
    const rules = [...result.findings, ...symptoms, ...result.fine, ...result.notJudged].map(
      ({ rule }) => rule,
    );
    expect(new Set(rules).size).toBe(9);
    expect(result.notJudged).toEqual([]);
  });

  test("a run under way has no summary and is diagnosed by its metrics", async () => {
    const { run } = await trained(24);
    await rm(path.join(run, "summary.json"));
    const { code, stdout } = await vqkit(["doctor", run, "--json"]);
    expect(code).toBe(0);
    const result = JSON.parse(stdout) as Record<"findings" | "notJudged", { rule: string }[]>;
    expect(result.notJudged.map(({ rule }) => rule)).toEqual([
      "idle-codebook",
      "norm-gap",
      "low-rank-latents",
    ]);
    expect(result.findings.map(({ rule }) => rule)).toContain("over-sized-codebook");
  });

  test("refuses flags of the machine, and what is no run", async () => {
    const { dir } = await trained(1);
    const flag = await vqkit(["doctor", dir, "--threads", "2"]);
    expect(flag).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^error: --threads: expected only/),
    });
    const none = await vqkit(["doctor", dir]);
    expect(none).toMatchObject({ code: 1, stderr: expect.stringMatching(/config\.json of a vqkit run/) });
  });
});
