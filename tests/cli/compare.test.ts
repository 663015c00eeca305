import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Interrupted } from "../../cli/errors.js";
import type { Comparison } from "../../src/reports/index.js";
import { temporaryFolder, vqkit, writeImages } from "./harness.js";

const SMALL = [
  ...["--preset", "tiny", "--downsampling-factor", "2", "--crop-size", "16", "--batch-size", "2"],
  ...["--set", "model.baseWidth=4", "--set", "model.latentChannels=4", "--steps", "3", "--threads", "1"],
  ...["--set", "evaluateUntrained=false"],
];

const shared = path.join(tmpdir(), `vqkit-compare-${process.pid}`);
const photos = path.join(shared, "photos");
const out = path.join(shared, "sweep");
const NAMES = ["rotation", "fsq"].flatMap((kind) =>
  [8, 64].map((size) => `${kind}-codebookSize${size}-seed0`),
);
const run = (name: string): string => path.join(out, name);

/** The sweep is interrupted in its second run, and taken up. */
let interrupted: { readonly code: number; readonly stderr: string };
let resumed: { readonly code: number; readonly stdout: string; readonly stderr: string };
const plots = path.join(shared, "plots");

beforeAll(async () => {
  await mkdir(photos, { recursive: true });
  await writeImages(photos, 4);
  const interruption = new AbortController();
  const training = vqkit(
    [
      ...["compare", photos, ...SMALL, "--quantizers", "rotation,fsq", "--sweep", "codebookSize=8,64"],
      ...["--out", out],
    ],
    interruption.signal,
  );
  const second = path.join(run("fsq-codebookSize8-seed0"), "config.json");
  while (!(await stat(second).catch(() => undefined))) await new Promise((go) => setTimeout(go, 5));
  interruption.abort(new Interrupted("Interrupted."));
  interrupted = await training;
  const resume = ["compare", "--resume", out, "--baseline", "fsq codebookSize=8", "--plots", plots];
  resumed = await vqkit(resume);
}, 300_000);

afterAll(() => rm(shared, { recursive: true, force: true }));

async function refused(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await vqkit(["compare", ...args]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/^error: [^\n]+\n$/);
  return stderr;
}

describe("compare --sweep, interrupted and resumed", () => {
  test("says how to go on, and goes on", () => {
    expect(interrupted.code).toBe(130);
    expect(interrupted.stderr).toMatch(/Interrupted after 1 runs\. To resume: vqkit compare --resume \S+\n$/);
    expect(resumed.code).toBe(0);
    expect(resumed.stderr).toContain(
      "run 1/4    rotation; codebookSize 8; seed 0\n           finished before",
    );
    expect(resumed.stderr).toMatch(/resume {5}after step \d of 3/);
    expect(resumed.stderr).toContain("run 4/4");
  });

  test("has a row for each value, and differences from the row that was named", async () => {
    expect(resumed.stdout).toMatch(/^rotation codebookSize=64 +64 /m);
    expect(resumed.stdout).toMatch(/^Less fsq codebookSize=8 /m);
    const comparison = JSON.parse(await readFile(path.join(out, "comparison.json"), "utf8")) as Comparison;
    expect(comparison.rows.map(({ swept, quantizer }) => [quantizer, swept.codebookSize])).toEqual([
      ["rotation", 8],
      ["fsq", 8],
      ["rotation", 64],
      ["fsq", 64],
    ]);
    expect(comparison).toMatchObject({ baseline: "fsq codebookSize=8", sweep: ["codebookSize"] });
  });

  test("leaves every run with its report, the page, and every chart as SVG, PNG and CSV", async () => {
    for (const name of NAMES) expect(await readdir(run(name))).toContain("report.html");
    expect(await readFile(path.join(out, "comparison.html"), "utf8")).toContain("Against what was swept");
    const files = await readdir(plots);
    for (const chart of [
      "psnr-against-bits",
      "psnr-db-against-codebooksize",
      "curves-reconstruction-loss-fsq",
    ]) {
      expect(files).toEqual(expect.arrayContaining([`${chart}.svg`, `${chart}.png`, `${chart}.csv`]));
    }
    const table = await readFile(path.join(plots, "psnr-db-against-codebooksize.csv"), "utf8");
    expect(table.split("\r\n")[0]).toBe("codebookSize,row,seed,value,mean,low,high");
    expect(table).toMatch(/^64,rotation codebookSize=64,0,[\d.]+,[\d.]+,,\r$/m);
  });

  test("is not begun anew by the way", async () => {
    const again = ["--sweep", "codebookSize=8", "--out", out];
    expect(await refused(photos, ...SMALL, ...again)).toContain("got one with comparison.json");
    expect(await refused(out)).toContain("got a comparison. Give the runs in it, or resume it");
    expect(await refused("--resume", out, "--steps", "9")).toContain(
      "expected nothing but --baseline with it, got steps",
    );
  });
});

describe("compare RUN RUN", () => {
  const pair = [run("rotation-codebookSize64-seed0"), run("fsq-codebookSize8-seed0")];

  test("compares finished runs and trains nothing", async () => {
    const to = path.join(await temporaryFolder(), "pair");
    const { code, stdout, stderr } = await vqkit([
      "compare",
      ...pair,
      "--out",
      to,
      "--json",
      "--baseline",
      "fsq",
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const comparison = JSON.parse(stdout) as Comparison;
    expect(comparison.rows.map(({ label }) => label)).toEqual(["rotation", "fsq"]);
    const [rotation, fsq] = comparison.rows;
    expect(rotation?.fromBaseline?.psnr?.mean).toBe((rotation?.psnr?.mean ?? 0) - (fsq?.psnr?.mean ?? 0));
    expect((await readdir(to)).sort()).toEqual([
      "comparison.csv",
      "comparison.html",
      "comparison.json",
      "comparison.png",
    ]);
  });

  test("refuses a mix, a single run, a run that differs in its data, and flags of training", async () => {
    const [first = "", second = ""] = pair;
    const to = path.join(await temporaryFolder(), "none");
    expect(await refused(first, photos, "--out", to)).toContain(
      `${photos}: expected run folders alone or images alone, got this beside the run ${first}`,
    );
    expect(await refused(first, "--out", to)).toContain("expected at least two runs to compare, got one");
    expect(await refused(first, second, "--steps", "9", "--out", to)).toContain("got steps. Leave it out.");
    expect(await refused(first, second, "--crop-size", "9", "--out", to)).toContain(
      "got data. Leave it out.",
    );
    expect(await refused(first, second, "--baseline", "vq", "--out", to)).toContain(
      '--baseline: expected the name of a row, got "vq". Rows: "rotation", "fsq".',
    );
    const other = path.join(await temporaryFolder(), "other");
    const smaller = ["--held-out", "0.5", "--quantizer", "fsq", "--out", other];
    expect((await vqkit(["train", photos, ...SMALL, ...smaller])).code).toBe(0);
    const { code, stderr } = await vqkit(["compare", first, other, "--out", to]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: [^\n]*other: expected "evaluationImages" measured as in [^\n]*\n$/);
    await expect(readdir(to)).rejects.toThrow("ENOENT");
  });
});

describe("compare refuses before it trains", () => {
  test.each([
    [["--sweep", "codebookSize"], "--sweep codebookSize: expected field=values"],
    [["--sweep", "codebookSize="], "expected field=values"],
    [["--sweep", "steps=[3"], "expected field=values"],
    [["--sweep", "steps=3,4", "--sweep", "steps=5"], "expected each field once, got steps again"],
    [["--sweep", "data.cropSize=8,16"], "--sweep.data.cropSize: expected a field that may be swept"],
    [["--sweep", "seed=1,2"], "--seeds"],
    [["--quantizers", "vq,fsq", "--baseline", "simvq"], "begins with vq or fsq"],
  ])("%j", async (args, message) => {
    const dir = await temporaryFolder();
    expect(await refused(photos, ...SMALL, ...args, "--out", path.join(dir, "c"))).toContain(message);
    expect(await readdir(dir)).toEqual([]);
  });

  test("a folder in which no comparison was begun", async () => {
    const { code, stderr } = await vqkit(["compare", "--resume", photos]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: [^\n]*got one without comparison-plan\.json[^\n]*\n$/);
  });
});
