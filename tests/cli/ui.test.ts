import path from "node:path";
import { expect, test } from "vitest";
import { DEFAULT_PORT, serveRuns } from "../../src/ui/index.js";
import { writeRun } from "../reports/runs.js";
import { temporaryFolder, vqkit } from "./harness.js";

test("says where the page is, serves until it is interrupted, and that is no failure", async () => {
  const dir = await temporaryFolder();
  await writeRun(path.join(dir, "a"));
  const interruption = new AbortController();
  setTimeout(() => interruption.abort(), 300);
  const { code, stdout, stderr } = await vqkit(["ui", dir, "--port", "0"], interruption.signal);
  expect({ code, stderr }).toEqual({
    code: 0,
    stderr: "Showing 1 run; new ones appear by themselves. Ctrl-C ends it.\n",
  });
  expect(stdout).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/\n$/);
  await expect(fetch(stdout.trim())).rejects.toThrow();
});

test("a port that is taken is told in one line", async () => {
  const dir = await temporaryFolder();
  const server = await serveRuns({ folders: [dir], port: 0 });
  try {
    const { port } = new URL(server.url);
    const { code, stdout, stderr } = await vqkit(["ui", dir, "--port", port]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^error: port: expected a free port, got \d+: another program has it\. [^\n]+\n$/);
  } finally {
    await server.close();
  }
});

test("a folder that is not there is told in one line, and help knows the default port", async () => {
  const missing = path.join(await temporaryFolder(), "none");
  const { code, stderr } = await vqkit(["ui", missing]);
  expect(code).toBe(1);
  expect(stderr).toBe(`error: ${missing}: expected a folder of runs, got nothing of that name.\n`);
  expect((await vqkit(["ui", "--help"])).stdout).toContain(`(default: ${DEFAULT_PORT})`);
});
