// Whose work a bundle is made of, with the texts of their licences: what tools/bundle-tf.mjs and tools/bundle-package.mjs
// put beside their files.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(import.meta.url);

/**
 * @param {readonly string[]} files all that went into the bundle; those of node_modules count
 * @param {string} introduction what the bundle is
 * @returns a document in Markdown, each text once
 */
export async function noticeOf(files, introduction) {
  const folders = files.map(
    (file) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file.replaceAll("\\", "/"))?.[0],
  );
  const names = new Map();
  for (const folder of [...new Set(folders.filter((each) => each !== undefined))].sort()) {
    const { name, version, license } = JSON.parse(await readFile(path.join(folder, "package.json"), "utf8"));
    const text = await licenceText(folder, license);
    names.set(text, [...(names.get(text) ?? []), `${name} ${version}`]);
  }
  const parts = [...names].map(([text, packages]) => `## ${packages.join(", ")}\n\n${text}`);
  return `# Notice\n\n${introduction}\n\n${parts.join("\n\n")}\n`;
}

/** A package's licence: its file of that name, the end of its README, or the text that Apache's licence always has. */
async function licenceText(folder, license) {
  const read = (...name) => readFile(path.join(...name), "utf8").catch(() => undefined);
  const names = ["LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "license"];
  const own = (await Promise.all(names.map((name) => read(folder, name)))).find((text) => text !== undefined);
  const found =
    own ??
    /^LICENSE.*\n-+\n([\s\S]+)/m.exec((await read(folder, "README.md")) ?? "")?.[1] ??
    (/Apache-2\.0/.test(license)
      ? await read(path.dirname(require.resolve("long")), "../LICENSE")
      : undefined);
  if (found === undefined) throw new Error(`${folder}: found no text of its licence (${license}).`);
  return found.replace(/^\n+|\s+$/g, "");
}
