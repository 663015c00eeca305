import { mkdir, readdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder, vqkit } from "./harness.js";

const COMMANDS = ["train", "compare", "encode", "decode", "evaluate", "report", "quantizers", "doctor"];

describe("help and version", () => {
  test("--help lists every command on stdout and succeeds", async () => {
    const { code, stdout, stderr } = await vqkit(["--help"]);
    expect(code).toBe(0);
    expect(stderr).toBe("");
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
  });

  test.each(COMMANDS)("%s --help succeeds", async (command) => {
    const { code, stdout, stderr } = await vqkit([command, "--help"]);
    expect(code).toBe(0);
    expect(stderr).toBe("");
    expect(stdout).toContain(`Usage: vqkit ${command}`);
  });

  test("--version prints the package's version alone", async () => {
    const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
    expect(await vqkit(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  });

  test("no command is wrong usage and shows the help", async () => {
    const { code, stdout, stderr } = await vqkit([]);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain("Usage: vqkit");
  });
});

/** Wrong usage: exit code 2, nothing on stdout, one line on stderr. */
async function wrong(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await vqkit(args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/^error: [^\n]+\n$/);
  return stderr;
}

describe("wrong usage says what is wrong, in one line", () => {
  test("an unknown command, with the nearest one", async () => {
    expect(await wrong("trian", "photos")).toContain("Did you mean train?");
  });

  test("an unknown flag, with the nearest one", async () => {
    const line = await wrong("train", "photos", "--stpes", "3");
    expect(line).toContain("--stpes");
    expect(line).toContain("Did you mean --steps?");
  });

  test("a flag without its value", async () => {
    expect(await wrong("train", "photos", "--steps")).toContain("--steps");
  });

  test.each([
    ["--steps", "1.5", "Expected an integer"],
    ["--learning-rate", "fast", "Expected a number"],
    ["--levels", "8,x", "Expected integers separated by commas"],
    ["--crop-size", "64*64", "HEIGHTxWIDTH"],
  ])("%s %s", async (flag, value, expected) => {
    const line = await wrong("train", "photos", flag, value);
    expect(line).toContain(flag);
    expect(line).toContain(value);
    expect(line).toContain(expected);
  });

  test("no images", async () => {
    expect(await wrong("train")).toContain("IMAGES");
  });

  test("too many arguments", async () => {
    expect(await wrong("quantizers", "vq")).toContain("too many arguments");
  });
});

describe("wrong configurations name the flag or field and write nothing", () => {
  async function wrongTraining(...args: string[]): Promise<string> {
    const dir = await temporaryFolder();
    await mkdir(path.join(dir, "photos"));
    const out = path.join(dir, "run");
    const line = await wrong("train", path.join(dir, "photos"), "--out", out, ...args);
    expect(await readdir(dir)).toEqual(["photos"]);
    return line;
  }

  test("a misspelt quantizer", async () => {
    expect(await wrongTraining("--quantizer", "vqq")).toMatch(
      /^error: --quantizer: Unknown quantizer "vqq"\. Known: .*fsq, .*simvq, vq\. Did you mean "vq"\?\n$/,
    );
  });

  test("a level below 2", async () => {
    expect(await wrongTraining("--quantizer", "fsq", "--levels", "8,1")).toBe(
      "error: --levels[1]: expected an integer >= 2, got 1.\n",
    );
  });

  test("a codebook of no codes", async () => {
    expect(await wrongTraining("--codebook-size", "0")).toBe(
      "error: --codebook-size: expected an integer >= 1, got 0.\n",
    );
  });

  test("a crop that the model cannot halve", async () => {
    const line = await wrongTraining("--crop-size", "62");
    expect(line).toContain("--crop-size");
    expect(line).toContain("60 or 64");
  });

  test("an unknown engine", async () => {
    expect(await wrongTraining("--engine", "onnxrutime")).toContain('Did you mean "onnxruntime"?');
  });

  test("an unknown device, of a training and of a command that uses a model", async () => {
    expect(await wrongTraining("--device", "gpu")).toMatch(/^error: --device: expected .*"webgpu"/);
    const { code, stderr } = await vqkit(["evaluate", "runs/none", "photos", "--device", "gpu"]);
    expect(code).toBe(2);
    expect(stderr).toBe('error: --device: expected cpu, webgpu, cuda, got "gpu". Did you mean "webgpu"?\n');
  });

  test("a misspelt field of --set, at its place", async () => {
    expect(await wrongTraining("--set", "optimizer.betaa1=0.5")).toMatch(
      /optimizer: unknown key "betaa1".*"beta1"\?/,
    );
  });

  test("a misspelt field of a configuration file", async () => {
    const dir = await temporaryFolder();
    const file = path.join(dir, "run.yaml");
    await writeFile(file, "stpes: 5\n");
    expect(await wrongTraining("--config", file)).toContain('unknown key "stpes"');
  });

  test("a configuration file that is no YAML, with the line", async () => {
    const dir = await temporaryFolder();
    const file = path.join(dir, "run.yaml");
    await writeFile(file, "steps: 5\nmodel: [\n");
    expect(await wrongTraining("--config", file)).toMatch(/run\.yaml: expected YAML or JSON: .*line 3/);
  });

  test("a configuration file that is not there", async () => {
    expect(await wrongTraining("--config", "nowhere.yaml")).toContain(
      "nowhere.yaml: expected a readable file",
    );
  });
});
