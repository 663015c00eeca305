import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { type Outcome, temporaryFolder, writeImages } from "./harness.js";

// The program as it is installed: what `npm run build` wrote, in a process of its own.
const dist = path.resolve(import.meta.dirname, "../../dist");
const main = path.join(dist, "cli/main.js");

beforeAll(() => {
  if (!existsSync(main))
    throw new Error("dist/cli/main.js is missing: run npm run build first (npm test does).");
});

function start(args: readonly string[], cwd?: string): { child: ChildProcess; ended: Promise<Outcome> } {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"], cwd });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name]?.setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
    });
  }
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? -1, ...output }));
  });
  return { child, ended };
}

const SMALL = [
  "--preset",
  "tiny",
  "--downsampling-factor",
  "2",
  "--set",
  "model.baseWidth=8",
  "--crop-size",
  "16",
];

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

  test("trains a quantizer of one's own that a configuration names by its module, and encodes with it", async () => {
    const dir = await temporaryFolder();
    await mkdir(path.join(dir, "photos"));
    await writeImages(path.join(dir, "photos"), 3);
    const module = path.join(dist, "samples/custom-quantizer.js");
    const lines = [
      `quantizerModules: [${JSON.stringify(module)}]`,
      "quantizer: { kind: sign, codeDim: 5 }",
      "steps: 3",
    ];
    await writeFile(path.join(dir, "run.yaml"), lines.join("\n"));
    const train = ["train", "photos", "--config", "run.yaml", ...SMALL, "--json"];
    const refused = await start(train, dir).ended;
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /^error: quantizerModules: expected no code without leave[^\n]*--allow-code/,
    );
    const trained = await start([...train, "--allow-code"], dir).ended;
    expect(trained.code).toBe(0);
    expect(JSON.parse(trained.stdout)).toMatchObject({
      dir: path.join("runs", "sign"),
      training: { steps: 3 },
    });
    const encode = ["encode", path.join("runs", "sign"), "photos", "--out", "codes", "--json"];
    const unknown = await start(encode, dir).ended;
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('Unknown quantizer "sign"');
    const encoded = await start([...encode, "--quantizer-module", module], dir).ended;
    expect(encoded.code).toBe(0);
    expect(JSON.parse(encoded.stdout)).toMatchObject({ images: 3, codebookSize: 32 });
  });
});
