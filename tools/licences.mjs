// Lists the licence of every package that an installation of vqkit may bring: `node tools/licences.mjs` writes
// docs/licences.md from package-lock.json; with --check it only says whether that file is right, and exits with 1 if not.
import { readFile, writeFile } from "node:fs/promises";

const at = (path) => new URL(`../${path}`, import.meta.url);

/** Licences that ask for no more than a notice. */
const PERMISSIVE = new Set([
  "MIT",
  "ISC",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "0BSD",
  "Unlicense",
  "CC0-1.0",
]);
/** The one exception: the image library behind sharp, a library of its own that is loaded at run time. */
const COPYLEFT = { licence: "LGPL-3.0-or-later", packages: /^@img\/sharp-(libvips-|win32-|wasm32)/ };

/** What the packages hold of the repository's own dependencies (tools/bundle-tf.mjs, tools/pack.mjs). */
const BUNDLED = [
  "onnxruntime-node",
  "onnxruntime-common",
  "@tensorflow/tfjs-backend-cpu",
  "@tensorflow/tfjs-core",
  "long",
  "seedrandom",
];

const lock = JSON.parse(await readFile(at("package-lock.json"), "utf8"));
const byLicence = new Map();
const wrong = [];
for (const [path, { dev, license = "none stated", version }] of Object.entries(lock.packages)) {
  const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
  if (path === "" || (dev && !BUNDLED.includes(name))) continue;
  // Of a choice (OR) any part is enough; of a sum (AND) every part has to be allowed.
  const allowed = license
    .replace(/[()]/g, "")
    .split(" AND ")
    .every((part) =>
      part
        .split(" OR ")
        .some((each) => PERMISSIVE.has(each) || (each === COPYLEFT.licence && COPYLEFT.packages.test(name))),
    );
  if (!allowed) wrong.push(`${name} ${version}: ${license}`);
  const names = byLicence.get(license) ?? new Set();
  byLicence.set(license, names.add(name));
}

const rows = [...byLicence]
  .sort(([a, x], [b, y]) => y.size - x.size || (a < b ? -1 : 1))
  .map(([licence, names]) => `| ${licence} | ${names.size} | ${[...names].sort().join(", ")} |`);
const text = `# Licences

vqkit is under the MIT licence. This is every package that installing it may bring, optional ones and those for other systems too, and those whose files vqkit's packages hold (\`dist/src/tf/NOTICE.md\` and the engine packages have their licences), by the licence that each states. \`node tools/licences.mjs\` writes this page from \`package-lock.json\`; a test holds the two together and refuses licences that are not on its list.

The one licence that asks for more than a notice is the LGPL of libvips, the image library that sharp loads at run time from packages of its own (\`@img/sharp-libvips-…\`; on Windows and WebAssembly inside \`@img/sharp-…\`). It is not changed and can be exchanged: see sharp's documentation on a libvips of one's own. Programs that ship these packages have to pass on its licence text.

| licence | packages | names |
|---|---|---|
${rows.join("\n")}
`;

if (process.argv.includes("--check")) {
  const written = await readFile(at("docs/licences.md"), "utf8").catch(() => "");
  if (written !== text) wrong.push("docs/licences.md is out of date: run node tools/licences.mjs");
} else await writeFile(at("docs/licences.md"), text);
if (wrong.length > 0) {
  console.error(wrong.join("\n"));
  process.exitCode = 1;
}
