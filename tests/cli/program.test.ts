import { existsSync } from "node:fs";
import { mkdir, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { temporaryFolder, writeImages } from "./harness.js";
import { main, SMALL, start } from "./program-process.js";

beforeAll(() => {
  if (!existsSync(main))
    throw new Error("dist/cli/main.js is missing: run npm run build first (npm test does).");
});

describe("the program", () => {
  test("starts with a shebang", async () => {
    expect(await readFile(main, "utf8")).toMatch(/^#!\/usr\/bin\/env node\n/);
  });

  test("passes exit codes on, and no warning of the runtime appears", async () => {
    const [listing, wrong] = await Promise.all([
      start(["quantizers"]).ended,
      start(["quantizers", "--jsn"]).ended,
    ]);
    expect(listing).toMatchObject({ code: 0, stderr: "" });
    expect(wrong).toEqual({
      code: 2,
      stdout: "",
      stderr: "error: unknown option '--jsn' (Did you mean --json?)\n",
    });
  });

  test("stops at an interrupt with 130 and a folder in order", async () => {
    const dir = await temporaryFolder();
    await mkdir(path.join(dir, "photos"));
    await writeImages(path.join(dir, "photos"), 3);
    const metrics = path.join(dir, "runs/fsq/metrics.jsonl");
    const args = ["train", "photos", "--quantizer", "fsq", "--steps", "100000", ...SMALL];
    const { child, ended } = start(args, dir);
    while ((await readFile(metrics, "utf8").catch(() => "")) === "" && child.exitCode === null) {
      await new Promise((go) => setTimeout(go, 20));
    }
    child.kill("SIGINT");
    const { code, stdout, stderr } = await ended;
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(stderr).toMatch(
      /\nInterrupted after step \d+ of 100000\. To resume: vqkit train --resume runs\/fsq\n$/,
    );
    expect((await readdir(path.join(dir, "runs/fsq"))).sort()).toEqual([
      "checkpoints",
      "config.json",
      "metrics.jsonl",
      "timeline.vqt",
    ]);
    const reported = await start(["report", "runs/fsq"], dir).ended;
    expect(reported.code).toBe(1);
    expect(reported.stderr).toMatch(/^error: runs\/fsq: expected usage\.json[^\n]+\n$/);
  });
});
