// Publishes what tools/pack.mjs has made, engines first, and leaves out what the registry has already:
// `node tools/publish.mjs DIR`. In a workflow of GitHub's each package gets a statement of where it was built.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";

const [folder] = process.argv.slice(2);
if (folder === undefined)
  throw new Error("expected the folder that tools/pack.mjs has filled: node tools/publish.mjs DIR");
const npm = process.platform === "win32" ? "npm.cmd" : "npm";
const provenance = process.env.ACTIONS_ID_TOKEN_REQUEST_URL ? ["--provenance"] : [];

for (const { name, version, file } of JSON.parse(readFileSync(path.join(folder, "packages.json"), "utf8"))) {
  if (isPublished(name, version)) {
    console.log(`${name} ${version}: there already`);
    continue;
  }
  const parameters = [
    "publish",
    path.resolve(folder, file),
    ...provenance,
    "--access",
    "public",
    "--loglevel",
    "warn",
  ];
  const { status } = spawnSync(npm, parameters, { stdio: ["ignore", "ignore", "inherit"] });
  if (status !== 0) throw new Error(`${name} ${version}: npm publish ended with ${status}.`);
  console.log(`${name} ${version}: published`);
}

function isPublished(name, version) {
  const { stdout, status } = spawnSync(npm, ["view", `${name}@${version}`, "version", "--json"], {
    encoding: "utf8",
  });
  if (status === 0) return stdout.trim() !== "";
  // npm prints its error as JSON. Anything but "there is none" must not be taken for it.
  if (JSON.parse(stdout || "{}").error?.code === "E404") return false;
  throw new Error(`${name}: the registry did not answer: ${stdout}`);
}
