import { writeFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder, vqkit } from "./harness.js";

describe("quantizers", () => {
  test("lists the four kinds with their place on the two axes and their papers", async () => {
    const { code, stdout, stderr } = await vqkit(["quantizers"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const rows = stdout.split("\n").map((line) => line.split(/ {2,}/));
    expect(rows.find(([kind]) => kind === "vq")?.slice(1, 4)).toEqual([
      "free",
      "straight-through",
      "arXiv 1711.00937",
    ]);
    expect(rows.find(([kind]) => kind === "rotation")?.slice(1, 4)).toEqual([
      "free",
      "rotation",
      "arXiv 2410.06424",
    ]);
    expect(rows.find(([kind]) => kind === "simvq")?.slice(1, 4)).toEqual([
      "linear",
      "straight-through",
      "arXiv 2411.02038",
    ]);
    expect(rows.find(([kind]) => kind === "fsq")?.slice(1, 4)).toEqual([
      "implicit",
      "its own",
      "arXiv 2309.15505",
    ]);
    expect(stdout).toMatch(/commitmentWeight +=\s0\.25/);
    expect(stdout).toMatch(/\n {4}linear +a frozen random table times one linear layer/);
  });

  test("--json gives the same as data", async () => {
    const { stdout } = await vqkit(["quantizers", "--json"]);
    const kinds = JSON.parse(stdout) as { kind: string; options: { name: string; default?: unknown }[] }[];
    const names = kinds.map(({ kind }) => kind);
    expect(names).toEqual(expect.arrayContaining(["fsq", "residual", "rotation", "simvq", "vq"]));
    expect(names).toEqual([...names].sort());
    expect(kinds.find(({ kind }) => kind === "vq")?.options).toContainEqual(
      expect.objectContaining({ name: "codebookSize", default: 1024 }),
    );
  });

  test("a module that does not load is named", async () => {
    const file = path.join(await temporaryFolder(), "mine.mjs");
    await writeFile(file, 'throw new Error("no such thing");\n');
    const { code, stderr } = await vqkit(["quantizers", "--quantizer-module", file]);
    expect(code).toBe(2);
    expect(stderr).toBe(
      `error: ${file}: expected a JavaScript module that registers a quantizer or a loss: no such thing\n`,
    );
  });
});

test("doctor tells of engines, devices, versions and speed", async () => {
  const { code, stdout } = await vqkit(["doctor", "--json", "--threads", "1"]);
  expect(code).toBe(0);
  const findings = JSON.parse(stdout) as {
    engines: { name: string; usable: boolean; reason: string | null }[];
    versions: Record<string, string>;
    devices: { name: string; usable: boolean; adapter: string | null; reason: string | null }[];
    device: string;
    providers: string[];
    threads: number;
    speed: Record<string, number>;
  };
  expect(findings.threads).toBe(1);
  expect(findings.versions.node).toBe(process.versions.node);
  expect(Object.keys(findings.versions)).toEqual([
    "vqkit",
    "node",
    "tfjs",
    "onnxruntime",
    "sharp",
    "libvips",
  ]);
  expect(findings.providers).toContain("cpu");
  const [onnx, tensorflow] = findings.engines;
  expect(onnx).toMatchObject({ name: "onnxruntime", usable: true, reason: null });
  // Usable or not depends on the machine; a reason in one line does not.
  expect(tensorflow?.usable).toBe(tensorflow?.reason === null);
  expect(tensorflow?.reason ?? "").not.toContain("\n");
  expect(findings.device).toBe("cpu");
  expect(findings.devices.map(({ name }) => name)).toEqual(["cpu", "webgpu", "cuda"]);
  expect(findings.devices[0]).toEqual({ name: "cpu", usable: true, adapter: null, reason: null });
  for (const { usable, reason } of findings.devices) {
    expect(usable).toBe(reason === null);
    expect(reason ?? "").not.toContain("\n");
  }
  // Faster than plain JavaScript by far, slower than any processor's peak.
  expect(findings.speed.matrixProductGflops).toBeGreaterThan(2);
  expect(findings.speed.matrixProductGflops).toBeLessThan(10_000);
  expect(findings.speed.trainingImagesPerSecond).toBeGreaterThan(1);
});
