import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { startProgram, temporaryFolder } from "./harness.js";
import { modelAndPhotos } from "./model-and-photos.js";

const { photos } = await modelAndPhotos("vq", 3);

test("a training whose readers leave trains to its end", async () => {
  const out = path.join(await temporaryFolder(), "run");
  const { child, ended } = startProgram(
    [
      ...["train", photos, "--preset", "tiny", "--downsampling-factor", "2", "--crop-size", "16"],
      ...["--set", "model.baseWidth=4", "--quantizer", "fsq", "--levels", "5,4", "--threads", "1"],
      ...["--set", "logEvery=1", "--steps", "12", "--held-out", "0", "--out", out],
    ],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  child.stderr?.once("data", () => child.stderr?.destroy());
  child.stdout?.destroy();
  expect(await ended).toMatchObject({ code: 0, signal: null });
  const lines = (await readFile(path.join(out, "metrics.jsonl"), "utf8")).trimEnd().split("\n");
  expect(lines).toHaveLength(12);
  expect(await readdir(out)).toEqual(expect.arrayContaining(["checkpoints", "summary.json", "report.html"]));
});
