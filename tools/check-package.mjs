// Packs vqkit, installs the tarball into an empty folder without scripts, and uses it there: `node tools/check-package.mjs`
// behind `npm run build`. publint checks the package's form where it is installed or can be fetched.
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "vqkit-package-"));
const npm = process.platform === "win32" ? "npm.cmd" : "npm";
const run = (command, args, cwd) =>
  execFileSync(command, args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });

try {
  const [{ filename, files, size }] = JSON.parse(
    run(npm, ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], root),
  );
  console.log(`packed: ${filename}, ${files.length} files, ${(size / 1024).toFixed(0)} KB`);

  console.log(run(npm, ["exec", "--yes", "--package", "publint", "--", "publint", root], folder).trim());

  await writeFile(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  run(npm, ["install", "--ignore-scripts", "--no-audit", "--no-fund", `./${filename}`], folder);
  const cli = join(folder, "node_modules/vqkit/dist/cli/main.js");
  const help = run(process.execPath, [cli, "--help"], folder);
  if (!help.includes("encode")) throw new Error("vqkit --help: expected the commands, got something else.");

  const photos = join(folder, "node_modules/vqkit/samples/photos");
  const train = [
    "train",
    join(photos, "coffee.jpg"),
    "--preset",
    "tiny",
    "--steps",
    "2",
    "--batch-size",
    "2",
  ];
  run(
    process.execPath,
    [cli, ...train, "--crop-size", "32", "--held-out", "0", "--out", "run", "--quiet"],
    folder,
  );
  run(
    process.execPath,
    [cli, "encode", "run", join(photos, "coffee.jpg"), "--out", "codes", "--quiet"],
    folder,
  );
  const { images } = JSON.parse(await readFile(join(folder, "codes/manifest.json"), "utf8"));
  if (images !== 1) throw new Error(`encode: expected the codes of 1 image, got ${images}.`);
  console.log("installed into an empty folder without scripts: help, train and encode work");
} finally {
  await rm(folder, { recursive: true, force: true });
}
