// Makes the packages that are published: vqkit, and one with ONNX Runtime's libraries for each platform. Behind
// `npm run build`: `node tools/pack.mjs --out DIR [--platform linux-x64 ...]`. tools/publish.mjs publishes them.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { bundlePackage } from "./bundle-package.mjs";
import { packageReadme } from "./package-readme.mjs";

const require = createRequire(import.meta.url);
const root = fileURLToPath(new URL("..", import.meta.url));
const runtime = path.dirname(require.resolve("onnxruntime-node/package.json"));
const { version: runtimeVersion } = readJson(path.join(runtime, "package.json"));

/** @param {{ out: string, platforms?: string[] }} options platforms: all that there are when left out */
export async function packAll({ out, platforms }) {
  if (!existsSync(path.join(root, "dist/src/tf/index.js")))
    throw new Error("dist: expected vqkit's build. Run npm run build.");
  const { enginePackage, runtimePlatforms } = await import("../dist/src/backend/runtime-package.js");
  for (const platform of platforms ?? [])
    if (!runtimePlatforms.includes(platform))
      throw new Error(`--platform: expected ${runtimePlatforms.join(", ")}, got ${platform}.`);
  mkdirSync(out, { recursive: true });
  const engines = runtimePlatforms.map((platform) => [enginePackage(platform), platform]);
  const wanted = engines.filter(([, platform]) => platforms?.includes(platform) ?? true);
  const staging = mkdtempSync(path.join(tmpdir(), "vqkit-pack-"));
  try {
    // In the order of publishing: nobody should get a vqkit whose engine is not there yet.
    const packed = wanted.map(([name, platform]) =>
      pack(stageEngine(path.join(staging, platform), name, platform), out),
    );
    packed.push(pack(await stageVqkit(path.join(staging, "vqkit"), engines), out));
    writeFileSync(path.join(out, "packages.json"), `${JSON.stringify(packed, null, 2)}\n`);
    return packed;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

/** The platform's part of onnxruntime-node, with its notices and without its install script. */
function stageEngine(folder, name, platform) {
  const [os, cpu] = platform.split("-");
  const notices = path.join(root, "tools/engine-packages", runtimeVersion.replace(/\.\d+$/, ""));
  if (!existsSync(notices)) {
    throw new Error(
      `${notices}: expected the LICENSE and ThirdPartyNotices.txt of ONNX Runtime ${runtimeVersion}, whose release has them.`,
    );
  }
  const libraries = `bin/napi-v6/${os}/${cpu}`;
  for (const file of librariesOf(path.join(runtime, libraries)))
    copy(path.join(runtime, libraries, file), path.join(folder, libraries, file));
  for (const file of readdirSync(path.join(runtime, "dist")).filter((each) => each.endsWith(".js")))
    copy(path.join(runtime, "dist", file), path.join(folder, "dist", file));
  for (const file of readdirSync(notices)) copy(path.join(notices, file), path.join(folder, file));
  writeFileSync(path.join(folder, "README.md"), engineReadme(name, platform));
  const { license, main, dependencies } = readJson(path.join(runtime, "package.json"));
  writeManifest(folder, {
    name,
    version: runtimeVersion,
    description: `ONNX Runtime for Node on ${platform}: the engine of vqkit.`,
    license,
    ...repository("tools/engine-packages"),
    main,
    os: [os],
    cpu: [cpu],
    ...(os === "linux" && { libc: ["glibc"] }),
    preferUnplugged: true,
    dependencies: { "onnxruntime-common": dependencies["onnxruntime-common"] },
  });
  return folder;
}

/** A platform's files. Of several that are the same byte for byte, the one that another names when it is loaded. */
function librariesOf(folder) {
  const files = readdirSync(folder).map((name) => {
    const bytes = readFileSync(path.join(folder, name));
    return { name, bytes, sum: createHash("sha256").update(bytes).digest("hex") };
  });
  return files
    .filter(({ name, sum }) => {
      const same = files.filter((other) => other.sum === sum);
      return same.length === 1 || files.some((other) => other.sum !== sum && other.bytes.includes(name));
    })
    .map(({ name }) => name);
}

function engineReadme(name, platform) {
  const windows = platform.startsWith("win32")
    ? "\n`DirectML.dll`, `dxcompiler.dll` and `dxil.dll` are Microsoft's, as onnxruntime-node has them: [DirectML's licence](https://www.nuget.org/packages/Microsoft.AI.DirectML), [DirectXShaderCompiler's](https://github.com/microsoft/DirectXShaderCompiler/blob/main/LICENSE.TXT).\n"
    : "";
  return `# ${name}

ONNX Runtime ${runtimeVersion} for Node on ${platform}, CPU and WebGPU: the files of [onnxruntime-node](https://www.npmjs.com/package/onnxruntime-node) ${runtimeVersion} for this platform, unchanged, without those for others and without an install script. npm chooses it for [vqkit](https://www.npmjs.com/package/vqkit), whose optional dependency it is.

ONNX Runtime is Microsoft's, under the MIT licence (\`LICENSE\`); \`ThirdPartyNotices.txt\` names what it contains.
${windows}`;
}

/** vqkit as it is built, its program in fewer files, with a manifest for who installs it: engines in, the rest out. */
async function stageVqkit(folder, engines) {
  const [{ files }] = JSON.parse(npm(["pack", "--dry-run", "--json", "--ignore-scripts"], root));
  const isProgram = (file) => /^dist\/.*\.js$/.test(file) && !file.startsWith("dist/src/tf/");
  for (const { path: file } of files)
    if (!isProgram(file)) copy(path.join(root, file), path.join(folder, file));
  const included = await bundlePackage({ root, target: folder });
  const { devDependencies, scripts, overrides, ...kept } = readJson(path.join(root, "package.json"));
  linkReadme(path.join(folder, "README.md"), kept.version);
  writeManifest(folder, {
    ...kept,
    ...repository(),
    files: undefined,
    dependencies: Object.fromEntries(
      Object.entries(kept.dependencies).filter(([name]) => !included.includes(name)),
    ),
    optionalDependencies: Object.fromEntries(engines.map(([name]) => [name, runtimeVersion])),
  });
  return folder;
}

/** Where npm's statement of provenance finds the sources: the repository whose workflow publishes. */
function repository(directory) {
  const name = process.env.GITHUB_REPOSITORY;
  if (!name) return {};
  return {
    repository: { type: "git", url: `git+https://github.com/${name}.git`, ...(directory && { directory }) },
  };
}

/** npm shows the README by itself: its links lead to the repository, where a workflow says which that is. */
function linkReadme(file, version) {
  const name = process.env.GITHUB_REPOSITORY;
  if (name)
    writeFileSync(file, packageReadme(readFileSync(file, "utf8"), { repository: name, tag: `v${version}` }));
}

function pack(folder, out) {
  const [{ name, version, filename, size, unpackedSize, files }] = JSON.parse(
    npm(["pack", "--json", "--ignore-scripts", "--pack-destination", path.resolve(out)], folder),
  );
  return { name, version, file: filename, size, unpackedSize, files: files.length };
}

function npm(args, cwd) {
  const command = process.platform === "win32" ? "npm.cmd" : "npm";
  return execFileSync(command, args, {
    cwd,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 26,
  });
}

function copy(from, to) {
  mkdirSync(path.dirname(to), { recursive: true });
  cpSync(from, to);
}

function writeManifest(folder, manifest) {
  writeFileSync(path.join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: { out: { type: "string" }, platform: { type: "string", multiple: true } },
  });
  if (values.out === undefined) throw new Error("--out: expected a folder for the packages.");
  for (const { name, version, files, size, unpackedSize } of await packAll({
    out: values.out,
    platforms: values.platform,
  }))
    console.log(
      `${name} ${version}: ${files} files, ${megabytes(unpackedSize)} MB, packed ${megabytes(size)} MB`,
    );
}

function megabytes(bytes) {
  return (bytes / 1e6).toFixed(1);
}
