import path from "node:path";
import { expect, test } from "vitest";
import { build, temporaryFolder } from "./tensorflow-builds.js";

const folder = temporaryFolder();

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
