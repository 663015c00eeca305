import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { mkdir, readdir } from "node:fs/promises";
import path from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { type Quantizer, registerQuantizer } from "../../src/quantizers/index.js";
import { divergingQuantizer } from "../training/diverging-quantizer.js";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";

/** What happens to the disk while the step is computed that is not finite. */
let accident: () => void = () => {};

registerQuantizer({
  ...divergingQuantizer,
  kind: "diverging-with-accident",
  create: (config, random): Quantizer => {
    const quantizer = divergingQuantizer.create(config, random);
    let updates = 0;
    return {
      ...quantizer,
      updateCodebook: (latents, indices) => {
        if (++updates === 4) accident();
        quantizer.updateCodebook(latents, indices);
      },
    };
  },
});

let photos: string;
let out: string;

beforeEach(async () => {
  const dir = await temporaryFolder();
  [photos, out] = [path.join(dir, "photos"), path.join(dir, "run")];
  await mkdir(photos);
  await writeImages(photos, 4);
});

/** Step 4 finds NaN; step 2 has left a checkpoint. */
function train() {
  return vqkit([
    ...["train", photos, "--preset", "tiny", "--downsampling-factor", "2", "--crop-size", "16"],
    ...["--batch-size", "2", "--set", "model.baseWidth=4", "--set", "model.latentChannels=4"],
    ...["--set", "evaluateUntrained=false", "--set", "reconstructionStrips=0", "--threads", "1"],
    ...["--quantizer", "diverging-with-accident", "--code-dim", "4", "--set", "quantizer.atUpdate=3"],
    ...["--steps", "6", "--checkpoint-every", "2", "--out", out],
  ]);
}

const TOLD = /^error: step 4: expected a finite \w+, got NaN\. First to go bad: [^\n]+\n$/m;

describe("a loss that is not finite", () => {
  test("is told with the checkpoint that stands", async () => {
    accident = () => {};
    const { code, stderr } = await train();
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(TOLD) });
    expect(stderr).toContain(
      `The checkpoint of step 2 stands. To resume from there: vqkit train --resume ${out}`,
    );
    expect(await readdir(path.join(out, "checkpoints"))).toContain("step-00000002.safetensors");
  });

  test.each<[string, () => void]>([
    ["has lost its config", () => rmSync(path.join(out, "config.json"))],
    ["has a damaged config", () => truncateSync(path.join(out, "config.json"), 20)],
    [
      "has a file in the place of its checkpoints",
      () => {
        rmSync(path.join(out, "checkpoints"), { recursive: true });
        writeFileSync(path.join(out, "checkpoints"), "");
      },
    ],
    ["is gone", () => rmSync(out, { recursive: true })],
  ])("is told also where the run's folder %s", async (_, happens) => {
    accident = happens;
    const { code, stderr } = await train();
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(TOLD) });
    expect(stderr).not.toContain("stands");
  });
});
