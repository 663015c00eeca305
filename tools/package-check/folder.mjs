// A folder as a new user has it, and what is run in it, for tools/check-package.mjs.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";

const command = process.platform === "win32" ? "npm.cmd" : "npm";

/** npm hands its settings on to what it runs: a user who installs has none of this repository's. */
const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));

export function emptyFolder(parent, name) {
  const folder = path.join(parent, name);
  mkdirSync(folder);
  writeFileSync(path.join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  return folder;
}

/** Output of a program that has to succeed. */
export function run(file, parameters, folder) {
  const options = { cwd: folder, env: environment, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] };
  return execFileSync(file, parameters, options);
}

export function npm(parameters, folder) {
  return run(command, parameters, folder);
}

/** The installed command line. @returns its output; with `mayFail` its exit code and stderr too */
export function program(folder, parameters, { mayFail = false } = {}) {
  const cli = path.join(folder, "node_modules/vqkit/dist/cli/main.js");
  const outcome = spawnSync(process.execPath, [cli, ...parameters], {
    cwd: folder,
    env: environment,
    encoding: "utf8",
  });
  if (mayFail) return outcome;
  if (outcome.status !== 0)
    throw new Error(`vqkit ${parameters.join(" ")} ended with ${outcome.status}: ${outcome.stderr}`);
  return outcome.stdout;
}

/**
 * A plain `npm install`: no flag, and nothing on its output that a user would worry about.
 *
 * @returns {{ megabytes: number, seconds: number, packages: number }}
 */
export function install(folder, specifiers) {
  const begun = performance.now();
  const { status, stdout, stderr } = spawnSync(command, ["install", ...specifiers], {
    cwd: folder,
    env: environment,
    encoding: "utf8",
  });
  const seconds = (performance.now() - begun) / 1000;
  const output = `${stdout}${stderr}`;
  if (status !== 0) throw new Error(`npm install ended with ${status}: ${output}`);
  if (/\b(warn|deprecated|vulnerabilit)/i.test(output.replace(/found 0 vulnerabilities/, "")))
    throw new Error(`npm install: expected no warning, got: ${output}`);
  const lock = JSON.parse(readFileSync(path.join(folder, "node_modules/.package-lock.json"), "utf8"));
  const packages = Object.entries(lock.packages);
  const scripts = packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([name]) => name);
  if (scripts.length > 0)
    throw new Error(`npm install: expected no scripts, got those of ${scripts.join(", ")}.`);
  return { megabytes: diskUse(path.join(folder, "node_modules")) / 1e6, seconds, packages: packages.length };
}

/** What `du` counts, in bytes. */
function diskUse(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, path: before, name }) => {
      const { blocks, size } = statSync(path.join(parentPath ?? before, name));
      return sum + (blocks === undefined ? size : 512 * blocks);
    }, 0);
}
