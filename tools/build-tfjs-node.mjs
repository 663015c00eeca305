// Builds the native binding of @tensorflow/tfjs-node on the libtensorflow of a Python wheel. See tools/README.md.
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const tools = path.dirname(fileURLToPath(import.meta.url));
const defaultPackage = path.resolve(tools, "../node_modules/@tensorflow/tfjs-node");

/** What vqkit was compared and timed with. */
const defaultVersion = "2.18.0";

const usage = `Usage: node tools/build-tfjs-node.mjs [options]

Builds the native binding of @tensorflow/tfjs-node (Linux), so that vqkit runs with --engine tensorflow.

Options:
  --tensorflow VERSION  release of tensorflow-cpu to download with pip (default ${defaultVersion})
  --wheel FILE          take libtensorflow from this wheel; nothing is downloaded
  --package DIR         the tfjs-node to build for (default: node_modules/@tensorflow/tfjs-node of this repository)
  --nodedir DIR         folder with include/node (default: Node's own, else node-gyp downloads the headers)
  --force               build although a working binding on the same libtensorflow is there
  --help`;

/** A missing prerequisite, a wrong argument or a failed step; each line of the message stands for itself. */
class BuildError extends Error {}

function parse() {
  const string = { type: "string" };
  const boolean = { type: "boolean", default: false };
  const options = { tensorflow: string, wheel: string, package: string, nodedir: string };
  try {
    return parseArgs({ options: { ...options, force: boolean, help: boolean } }).values;
  } catch (error) {
    throw new BuildError(`${error.message} See node tools/build-tfjs-node.mjs --help.`);
  }
}

function step(text) {
  console.log(`* ${text}`);
}

/** Whether a program runs and ends with 0. */
function works(program, args) {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

/** Runs a program; its output is shown only if it fails. */
function run(program, args, options = {}) {
  const { error, status, signal, stdout, stderr } = spawnSync(program, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
    ...options,
  });
  if (error === undefined && status === 0) return stdout;
  const output = `${stdout ?? ""}${stderr ?? ""}`.trimEnd();
  if (output !== "") console.error(output);
  throw new BuildError(
    `${path.basename(program)} ${args[0]}: failed with ${error?.message ?? signal ?? `exit code ${status}`}; its output stands above.`,
  );
}

/** npm's own node-gyp, or what `npm_config_node_gyp` names. */
function findNodeGyp() {
  const { error, stdout } = spawnSync("npm", ["exec", "-c", "node -p process.env.npm_config_node_gyp"], {
    encoding: "utf8",
    cwd: tools,
    shell: false,
  });
  const file = error ? undefined : stdout.trim().split("\n").at(-1);
  return file !== undefined && existsSync(file) ? file : undefined;
}

/** The folder that has include/node/node_api.h, where there is one. */
function findNodeDir({ nodedir }) {
  const hasHeaders = (dir) => existsSync(path.join(dir, "include/node/node_api.h"));
  if (nodedir !== undefined && !hasHeaders(nodedir)) {
    throw new BuildError(
      `--nodedir: expected a folder with include/node/node_api.h, got ${nodedir}. Leave it out to take Node's own.`,
    );
  }
  const beside = path.resolve(process.execPath, "../..");
  return nodedir ?? (hasHeaders(beside) ? beside : undefined);
}

/** @throws BuildError with one line for each missing prerequisite */
function checkPrerequisites({ wheel, packageDir, nodeGyp }) {
  const missing = [];
  const need = (met, line) => {
    if (!met) missing.push(line);
  };
  need(
    process.platform === "linux",
    `platform: expected linux, got ${process.platform}. Use npm rebuild @tensorflow/tfjs-node --ignore-scripts=false, which downloads the binding.`,
  );
  need(
    existsSync(path.join(packageDir, "binding.gyp")),
    `${packageDir}: expected the package @tensorflow/tfjs-node, found no binding.gyp. Run npm ci first, or name another folder with --package.`,
  );
  need(wheel === undefined || existsSync(wheel), `--wheel: ${wheel} does not exist.`);
  const python = works("python3", ["-c", "import sys; sys.exit(sys.version_info < (3, 10))"]);
  need(python, "python3: expected Python 3.10 or newer on the path. Debian: apt-get install python3.");
  if (python && wheel === undefined) {
    need(
      works("python3", ["-m", "pip", "--version"]),
      "pip: expected python3 -m pip to run. Debian: apt-get install python3-pip; or download a wheel of tensorflow-cpu yourself and name it with --wheel.",
    );
  }
  need(
    works(process.env.CXX ?? "g++", ["--version"]),
    "C++ compiler: expected g++, or another one in CXX. Debian: apt-get install g++.",
  );
  need(works("make", ["--version"]), "make: expected it on the path. Debian: apt-get install make.");
  need(nodeGyp !== undefined, "node-gyp: expected the one that comes with npm, found none. Install npm.");
  if (missing.length > 0) throw new BuildError(missing.join("\n"));
}

/** Where tfjs-node looks for its binding under this Node. */
function bindingOf(packageDir) {
  const manifest = path.join(packageDir, "package.json");
  return createRequire(manifest)("@mapbox/node-pre-gyp").find(manifest);
}

/** Loads tfjs-node in another process and multiplies two matrices: the version of libtensorflow, undefined if it fails. */
function tryBinding(packageDir, report = false) {
  const program = `
    const util = require("node:util");
    util.isNullOrUndefined ??= (value) => value == null; // gone from Node 23, used by tfjs-node
    const tf = require(${JSON.stringify(packageDir)});
    const product = tf.matMul([[1, 2]], [[3], [4]]).dataSync()[0];
    if (product !== 11) throw new Error("expected [1, 2]·[3, 4] = 11, got " + product);
    console.log(tf.backend().binding.TF_Version);`;
  const { status, stdout, stderr } = spawnSync(process.execPath, ["-e", program], {
    encoding: "utf8",
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: "2" },
  });
  if (status === 0) return stdout.trim().split("\n").at(-1);
  if (report) console.error(stderr.trimEnd());
  return undefined;
}

/** `tensorflow_cpu-2.18.0-cp311-….whl` → `2.18.0`. */
function versionOfWheel(file) {
  return path.basename(file).split("-")[1];
}

/** Downloads the wheel of a release. Python's own version does not matter: only the library in it is used. */
function download(version, folder) {
  const machine = { x64: "x86_64", arm64: "aarch64" }[process.arch] ?? process.arch;
  const platforms = [`manylinux_2_17_${machine}`, `manylinux2014_${machine}`, `manylinux_2_27_${machine}`];
  const target = platforms.flatMap((platform) => ["--platform", platform]);
  const args = ["--no-deps", "--only-binary=:all:", "--python-version", "3.11", ...target, "--dest", folder];
  const command = ["-m", "pip", "download", "--disable-pip-version-check", ...args];
  const { status } = spawnSync("python3", [...command, `tensorflow-cpu==${version}`], { stdio: "inherit" });
  const wheel = readdirSync(folder).find((name) => name.endsWith(".whl"));
  if (status === 0 && wheel !== undefined) return path.join(folder, wheel);
  throw new BuildError(
    `pip could not download tensorflow-cpu ${version} for ${machine}. Choose another --tensorflow VERSION, or name a wheel that you have with --wheel.`,
  );
}

/** Puts lib/ and include/ into deps/ of the package, under the names that binding.gyp links. */
function unpack(wheel, packageDir) {
  const deps = path.join(packageDir, "deps");
  const partial = mkdtempSync(path.join(packageDir, "deps-"));
  try {
    run("python3", [path.join(tools, "unpack_libtensorflow.py"), wheel, partial]);
    symlinkSync("libtensorflow_cc.so.2", path.join(partial, "lib/libtensorflow.so"));
    symlinkSync("libtensorflow_framework.so.2", path.join(partial, "lib/libtensorflow_framework.so"));
    rmSync(deps, { recursive: true, force: true });
    renameSync(partial, deps);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

function compile({ packageDir, binding, nodeGyp, nodeDir }) {
  const variables = {
    module_name: JSON.parse(readFileSync(path.join(packageDir, "package.json"), "utf8")).binary.module_name,
    module_path: path.dirname(binding),
    napi_build_version: /napi-v(\d+)/.exec(binding)?.[1],
    ...(nodeDir === undefined ? {} : { nodedir: nodeDir }),
  };
  const flags = Object.entries(variables).map(([name, value]) => `--${name}=${value}`);
  mkdirSync(path.dirname(binding), { recursive: true });
  run(process.execPath, [nodeGyp, "rebuild", ...flags], { cwd: packageDir });
  rmSync(path.join(packageDir, "build"), { recursive: true, force: true });
}

function build(options) {
  const packageDir = path.resolve(options.package ?? defaultPackage);
  const wheel = options.wheel === undefined ? undefined : path.resolve(options.wheel);
  const version = wheel === undefined ? (options.tensorflow ?? defaultVersion) : versionOfWheel(wheel);
  const nodeGyp = findNodeGyp();
  checkPrerequisites({ wheel, packageDir, nodeGyp });
  const nodeDir = findNodeDir(options);
  const binding = bindingOf(packageDir);
  if (!options.force && existsSync(binding) && tryBinding(packageDir) === version) {
    step(`libtensorflow ${version} is there and works: nothing to do (--force builds again)`);
    return;
  }
  const folder = mkdtempSync(path.join(tmpdir(), "libtensorflow-"));
  try {
    if (wheel === undefined) step(`Downloading tensorflow-cpu ${version} (about 230 MB)`);
    const source = wheel ?? download(version, folder);
    step(`Taking libtensorflow and its headers out of ${path.basename(source)} (about 680 MB)`);
    unpack(source, packageDir);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  step(
    `Compiling the binding with node-gyp, Node's headers ${nodeDir === undefined ? "downloaded by it" : `in ${nodeDir}`}`,
  );
  compile({ packageDir, binding, nodeGyp, nodeDir });
  step("Loading it");
  const found = tryBinding(packageDir, true);
  if (found === undefined) throw new BuildError(`${binding}: was built, but does not load; see above.`);
  step(`Done: ${path.relative(process.cwd(), binding)} on libtensorflow ${found}. Try vqkit doctor.`);
}

try {
  const options = parse();
  if (options.help) console.log(usage);
  else build(options);
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
