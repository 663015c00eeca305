import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(resolve(root, file), "utf8");

test("docs/licences.md lists every package, and no licence asks for more than is documented", () => {
  const checked = (): string =>
    execFileSync(process.execPath, ["tools/licences.mjs", "--check"], { cwd: root, encoding: "utf8" });
  expect(checked).not.toThrow();
});

test("the lock file pins every package that users get by checksum, and names no other registry than the public one", () => {
  const { packages } = JSON.parse(read("package-lock.json")) as {
    packages: Record<string, { resolved?: string; integrity?: string; dev?: boolean }>;
  };
  const loose = Object.entries(packages).filter(
    ([path, { resolved = "", integrity = "", dev = false }]) =>
      path !== "" &&
      !dev &&
      !(integrity.startsWith("sha512-") && /^(https:\/\/registry\.npmjs\.org\/.*)?$/.test(resolved)),
  );
  expect(loose.map(([path]) => path)).toEqual([]);
});

test("nothing runs when vqkit is installed", () => {
  expect(read(".npmrc")).toContain("ignore-scripts=true");
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  expect(["preinstall", "install", "postinstall", "prepare"].filter((name) => name in scripts)).toEqual([]);
});

test("the publish workflow signs where a release was built", () => {
  const workflow = read(".github/workflows/publish.yml");
  expect(workflow).toContain("node tools/pack.mjs --out packages && node tools/publish.mjs packages");
  expect(read("tools/publish.mjs")).toContain('["--provenance"]');
  expect(workflow).toContain("id-token: write");
  expect(workflow).not.toMatch(/NODE_AUTH_TOKEN|NPM_TOKEN/);
});

test("known vulnerabilities are looked for at each change of the lock file, every week, and before a release", () => {
  const command = "npm audit --omit=dev --audit-level=high";
  const workflow = read(".github/workflows/audit.yml");
  expect(workflow).toContain(command);
  expect(workflow).toContain("paths: [package-lock.json]");
  expect(workflow).toMatch(/schedule:\n\s+- cron:/);
  expect(read(".github/workflows/publish.yml")).toContain(command);
});
