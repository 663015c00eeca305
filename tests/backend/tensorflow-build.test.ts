import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";

const tool = fileURLToPath(new URL("../../tools/build-tfjs-node.mjs", import.meta.url));
const folder = mkdtempSync(path.join(tmpdir(), "vqkit-tensorflow-build-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs the tool; what it prints to standard error, line by line. */
function build(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [tool, ...args], { encoding: "utf8", env });
  return { status, stdout, lines: stderr.trimEnd().split("\n") };
}

test("--help names every option", () => {
  const { status, stdout } = build(["--help"]);
  expect(status).toBe(0);
  for (const option of ["tensorflow", "wheel", "package", "nodedir", "force"])
    expect(stdout).toContain(`  --${option} `);
});

test("an unknown option is named in one line that leads to the help", () => {
  const { status, lines } = build(["--wheels", "a.whl"]);
  expect(status).toBe(1);
  expect(lines).toEqual([expect.stringMatching(/--wheels.*--help/)]);
});

test("every missing prerequisite has a line of its own, and nothing is built", () => {
  const wheel = path.join(folder, "absent-2.18.0.whl");
  // Neither Python, compiler, make nor npm is on this path.
  const { status, stdout, lines } = build(["--wheel", wheel, "--package", folder], { PATH: folder });
  expect(status).toBe(1);
  expect(stdout).toBe("");
  const beginnings = [`${folder}: expected the package`, `--wheel: ${wheel}`, "python3:", "C++ compiler:"];
  const expected = [...beginnings, "make:", "node-gyp:"].map((text) =>
    expect.stringMatching(new RegExp(`^${text.replace(/[.+*]/g, "\\$&")}`)),
  );
  const platform = process.platform === "linux" ? [] : [expect.stringMatching(/^platform:/)];
  expect(lines).toEqual([...platform, ...expected]);
});

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
