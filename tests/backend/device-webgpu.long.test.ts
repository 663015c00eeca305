import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { probe } from "../../src/backend/device-probe.js";

/**
 * Drivers are loaded for the life of a process, so the comparison with the CPU, tests/backend/webgpu/, runs in one of
 * its own: on this machine's GPU, or on SwiftShader, the software driver in Debian's package chromium.
 */
const swiftShader = "/usr/lib/chromium/vk_swiftshader_icd.json";
const software = {
  ...process.env,
  VK_ICD_FILENAMES: swiftShader,
  // The package brings the Vulkan loader as well.
  LD_LIBRARY_PATH: [path.dirname(swiftShader), process.env.LD_LIBRARY_PATH ?? ""].join(":"),
};

const hasAdapter = (await probe("webgpu")).error === null;
const env = hasAdapter ? process.env : existsSync(swiftShader) ? software : undefined;

test.skipIf(env === undefined)(
  `on WebGPU: kernels, gradients and training agree with the CPU (needs a GPU with its driver, or ${swiftShader} of Debian's chromium)`,
  () => {
    const vitest = createRequire(import.meta.url).resolve("vitest/package.json");
    const config = fileURLToPath(new URL("webgpu/vitest.config.ts", import.meta.url));
    const args = [
      path.join(path.dirname(vitest), "vitest.mjs"),
      "run",
      "--config",
      config,
      "--reporter=json",
    ];
    const { stdout, stderr } = spawnSync(process.execPath, args, {
      env: env as NodeJS.ProcessEnv,
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
    const json = stdout.split("\n").find((line) => line.startsWith('{"numTotalTestSuites"'));
    expect(json, stderr).toBeDefined();
    const { testResults } = JSON.parse(json as string) as { testResults: FileResult[] };
    const assertions = testResults.flatMap(({ assertionResults }) => assertionResults);
    const failures = assertions
      .filter(({ status }) => status !== "passed")
      .map(({ fullName, failureMessages }) => `${fullName}: ${failureMessages[0]?.split("\n")[0]}`);
    expect([...failures, ...testResults.map(({ message }) => message).filter(Boolean)]).toEqual([]);
    expect(assertions.length).toBeGreaterThan(30);
  },
  // About 20 s on two idle cores.
  300_000,
);

interface FileResult {
  readonly message: string;
  readonly assertionResults: readonly {
    readonly fullName: string;
    readonly status: string;
    readonly failureMessages: readonly string[];
  }[];
}
