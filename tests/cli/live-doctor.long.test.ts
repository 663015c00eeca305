import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { useEngine } from "../engine.js";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";

beforeAll(() => useEngine());

/** 512 codes for 40 batches of 2 · 16 latents: 2.5 latents a code, where the rule wants 39. */
async function train(...more: string[]) {
  const dir = await temporaryFolder();
  await writeImages(dir, 3);
  const out = path.join(dir, "run");
  const setting = ["--quantizer", "vq", "--codebook-size", "512", "--preset", "tiny", "--crop-size", "16"];
  const codebook = ["--set", "quantizer.initialization=uniform"];
  const length = ["--steps", "40", "--batch-size", "2", "--set", "warmupSteps=0", "--threads", "1"];
  return vqkit(["train", dir, ...setting, ...codebook, ...length, "--out", out, ...more]);
}

/** Lines of the doctor about the size of the codebook. */
const tellings = (stderr: string) =>
  stderr.split("\n").filter((line) => line.includes("over-sized-codebook"));

describe("train tells what the doctor finds", () => {
  test("once, on stderr, when it has stood in three looks of ten steps", async () => {
    const { code, stdout, stderr } = await train("--json");
    expect(code).toBe(0);
    expect(tellings(stderr)).toEqual([
      "doctor     step 30: warning: The codebook is larger than its data (over-sized-codebook): 2.50 latents a code in 40 steps; under 39. Try: a smaller codebookSize: it costs little reconstruction where most codes do not matter.",
    ]);
    // Judged when the run is over only.
    expect(stderr).toMatch(/^doctor {5}at the end: .*\(under-trained\)/m);
    expect(JSON.parse(stdout)).toMatchObject({ training: { steps: 40 } });
  });

  test("not with --quiet", async () => {
    expect((await train("--quiet")).stderr).toBe("");
  });
});
