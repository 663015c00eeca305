// Packs what is published, installs it into empty folders as a user would, and uses it there: behind `npm run build`,
// `node tools/check-package.mjs [--short]`. The short form, which .ci/run takes, leaves out the page of a model, the second
// registry, the installation without an engine, the second run of the README's code, publint, and TensorFlow.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { packAll } from "./pack.mjs";
import { emptyFolder, install, npm, program, run } from "./package-check/folder.mjs";
import { startRegistry } from "./package-check/local-registry.mjs";
import { checkTensorFlow } from "./package-check/tensorflow.mjs";
import { checkTry, checkTryRefused } from "./package-check/try.mjs";
import { checkTypes, codeOf } from "./package-check/types.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const LARGEST_MB = 250;
const SLOWEST_IMPORT_S = 0.4;
/** Node starts in half of it on a machine that is free. */
const BUSY_START_S = 0.1;
/** Measured on a busy machine: 2.6, and 8.4 for the build as it was before it was put into fewer files. */
const SLOWEST_IMPORT_RATIO = 5;

const { values } = parseArgs({ options: { short: { type: "boolean", default: false } } });
const scratch = mkdtempSync(path.join(tmpdir(), "vqkit-package-"));

try {
  const packed = await packAll({
    out: path.join(scratch, "packages"),
    platforms: [`${process.platform}-${process.arch}`],
  });
  const files = packed.map(({ file }) => path.join(scratch, "packages", file));
  for (const { name, version, files: count, size } of packed)
    console.log(`packed: ${name} ${version}, ${count} files, ${(size / 1e6).toFixed(1)} MB`);

  const folder = emptyFolder(scratch, "side-by-side");
  console.log(`tarballs side by side: ${told(install(folder, files))}`);
  checkProgram(folder);
  checkImport(folder, { isQuiet: !values.short });
  checkTypes(folder, { root, everyWay: !values.short });
  checkReadme(folder, { times: values.short ? 1 : 2 });
  if (!values.short) {
    console.log(`vqkit try: ${checkTryRefused(folder, "run")}`);
    console.log(`vqkit try: ${await checkTry(folder, "run", { runtime: webRuntimeVersion() })}`);
    const vqkit = files.at(-1);
    checkWithoutEngine(emptyFolder(scratch, "alone"), vqkit);
    await checkRegistry(emptyFolder(scratch, "registry"), path.join(scratch, "packages"));
    for (const file of files)
      console.log(
        npm(["exec", "--yes", "--package", "publint", "--", "publint", "--strict", file], folder).trim(),
      );
    console.log(`engine "tensorflow": ${checkTensorFlow(folder, { root })}`);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function told({ megabytes, seconds, packages }) {
  if (megabytes > LARGEST_MB)
    throw new Error(`installed: expected at most ${LARGEST_MB} MB, got ${megabytes.toFixed(0)}.`);
  return `${packages} packages, ${megabytes.toFixed(0)} MB in ${seconds.toFixed(0)} s, no warning, no script`;
}

/** Help, a training of two steps, and a picture's codes. */
function checkProgram(folder) {
  const help = program(folder, ["--help"]);
  if (!help.includes("encode")) throw new Error("vqkit --help: expected the commands, got something else.");
  const photo = path.join(folder, "node_modules/vqkit/samples/photos/coffee.jpg");
  const training = [
    "--preset",
    "tiny",
    "--steps",
    "2",
    "--batch-size",
    "2",
    "--crop-size",
    "32",
    "--held-out",
    "0",
  ];
  const begun = performance.now();
  program(folder, ["train", photo, ...training, "--out", "run", "--quiet"]);
  const trained = performance.now();
  program(folder, ["encode", "run", photo, "--out", "codes", "--quiet"]);
  const { entries } = JSON.parse(readFileSync(path.join(folder, "codes/manifest.json"), "utf8"));
  if (entries !== 1) throw new Error(`encode: expected the codes of 1 image, got ${entries}.`);
  console.log(
    `program: trains two steps in ${seconds(begun, trained)} s, encodes a picture in ${seconds(trained)} s`,
  );
}

/**
 * The best of five, as other programs on the machine only make it longer; beside the start of Node itself. The short form tells
 * the time and holds it against nothing: it runs among tests, on machines that are busy. Where Node itself takes long to start,
 * seconds say nothing of vqkit, and the ratio alone is held.
 */
function checkImport(folder, { isQuiet }) {
  const code =
    'const t = performance.now(); await import("vqkit"); process.stdout.write(String(performance.now() - t));';
  const bare = "process.stdout.write(String(performance.now()));";
  const bestOf = (text) =>
    Math.min(
      ...Array.from({ length: 5 }, () =>
        Number(run(process.execPath, ["--input-type=module", "-e", text], folder)),
      ),
    );
  const [best, start] = [bestOf(code) / 1000, bestOf(bare) / 1000];
  const ratio = best / start;
  const isBusy = start > BUSY_START_S;
  console.log(
    `import of vqkit: ${best.toFixed(2)} s, ${ratio.toFixed(1)} times the start of Node (${start.toFixed(2)} s${isBusy ? ", on a busy machine" : ""})`,
  );
  if (isQuiet && (ratio > SLOWEST_IMPORT_RATIO || (!isBusy && best > SLOWEST_IMPORT_S)))
    throw new Error(
      `import of vqkit: expected at most ${SLOWEST_IMPORT_S} s and ${SLOWEST_IMPORT_RATIO} starts of Node, got ${best.toFixed(2)} s and ${ratio.toFixed(1)}.`,
    );
}

/** The README's programs run as they stand there, and again. */
function checkReadme(folder, { times }) {
  const programs = codeOf(readFileSync(path.join(root, "README.md"), "utf8"));
  if (programs.length === 0) throw new Error("README.md: expected code that imports vqkit, got none.");
  for (const [i, code] of programs.entries()) {
    const file = `readme-${i + 1}.mjs`;
    writeFileSync(path.join(folder, file), code);
    for (let time = 1; time <= times; time++) {
      const begun = performance.now();
      run(process.execPath, [file], folder);
      console.log(`README's program ${i + 1}, run ${time}: ${seconds(begun)} s`);
    }
  }
}

/** Without the platform's package the program says in one line which that is. */
function checkWithoutEngine(folder, vqkit) {
  install(folder, [vqkit]);
  const name = `@vqkit/onnxruntime-${process.platform}-${process.arch}`;
  if (existsSync(path.join(folder, "node_modules", name))) {
    console.log(`without an engine: not checked, because npm's registry has ${name}`);
    return;
  }
  const photos = path.join(folder, "node_modules/vqkit/samples/photos");
  const { status, stderr } = program(folder, ["train", photos, "--steps", "1"], { mayFail: true });
  const line = stderr.trim();
  if (status !== 1 || line.includes("\n") || !line.includes(`npm install ${name}@`))
    throw new Error(
      `without an engine: expected exit code 1 and one line that names ${name}, got ${status}: ${line}`,
    );
  console.log(`without an engine: ${line}`);
}

/** Published and installed by name, as from npm's registry. */
async function checkRegistry(folder, packages) {
  const registry = await startRegistry(npm(["config", "get", "registry"], folder).trim());
  try {
    const settings = `registry=${registry.url}\n${registry.url.replace("http:", "")}:_authToken=local\n`;
    writeFileSync(path.join(folder, ".npmrc"), settings);
    for (const time of [1, 2])
      console.log(
        `publish ${time}:\n${run(process.execPath, [path.join(root, "tools/publish.mjs"), packages], folder)}`,
      );
    console.log(`from a registry: ${told(install(folder, ["vqkit"]))}`);
    checkProgram(folder);
  } finally {
    registry.close();
  }
}

/** onnxruntime-web as this repository has it. */
function webRuntimeVersion() {
  const manifest = path.join(root, "node_modules/onnxruntime-web/package.json");
  return JSON.parse(readFileSync(manifest, "utf8")).version;
}

function seconds(from, to = performance.now()) {
  return ((to - from) / 1000).toFixed(1);
}
