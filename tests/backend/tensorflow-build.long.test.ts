import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { build, temporaryFolder } from "./tensorflow-builds.js";

const folder = temporaryFolder();

test.skipIf(process.platform !== "linux" || !canBuild())(
  "a wheel that is none is refused, and the package stays as it was (needs Python, pip, g++, make, npm)",
  () => {
    const packageDir = path.join(folder, "package");
    mkdirSync(path.join(packageDir, "node_modules/@mapbox/node-pre-gyp"), { recursive: true });
    writeFileSync(path.join(packageDir, "binding.gyp"), "{}");
    writeFileSync(path.join(packageDir, "package.json"), "{}");
    writeFileSync(
      path.join(packageDir, "node_modules/@mapbox/node-pre-gyp/index.js"),
      'exports.find = () => require("node:path").join(__dirname, "../../../lib/napi-v8/tfjs_binding.node");',
    );
    const wheel = path.join(folder, "tensorflow_cpu-2.18.0-none.whl");
    writeFileSync(wheel, "not a zip file");
    const { status, lines } = build(["--wheel", wheel, "--package", packageDir]);
    expect(status).toBe(1);
    expect(lines.join("\n")).toContain(`${wheel}: File is not a zip file`);
    expect(readdirSync(packageDir).sort()).toEqual(["binding.gyp", "node_modules", "package.json"]);
  },
);

function canBuild(): boolean {
  const commands = [
    ["python3", "-m", "pip", "--version"],
    ["g++", "--version"],
    ["make", "--version"],
    ["npm", "--version"],
  ] as const;
  return commands.every(([program, ...args]) => spawnSync(program, args).status === 0);
}
