// Puts the program of `npm run build` into fewer files, for tools/pack.mjs: a face of the library, or the command line,
// loads a few dozen instead of 400, and with them the libraries that would be most of what it loads.
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import path from "node:path";
import { rolldown } from "rolldown";
import { noticeOf } from "./notice.mjs";

/** Libraries of many small files, or loaded by nearly every program. They are in the lock file like all others. */
const INCLUDED = ["@bufbuild/protobuf", "fzstd", "hyparquet", "hyparquet-writer", "pure-rand", "zod"];

/**
 * @param {{ root: string, target: string }} options the repository; the folder of the package, `dist` to be filled
 * @returns {Promise<string[]>} the dependencies that are no longer loaded
 */
export async function bundlePackage({ root, target }) {
  const dist = path.join(root, "dist");
  const build = await rolldown({
    input: entriesOf(dist),
    cwd: root,
    platform: "node",
    external: (id) => isTensorFlow(id) || (isBare(id) && !isIncluded(id) && !isHelper(id)),
    makeAbsoluteExternalsRelative: true,
    resolve: { mainFields: ["module", "main"] },
    plugins: [filesBeside(dist)],
  });
  const { output } = await build.write({
    dir: path.join(target, "dist"),
    format: "esm",
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name]-[hash].js",
    // They would be a third of what Node reads; editors show those of the types.
    comments: false,
  });
  await build.close();
  checkImports(output, readFileSync(path.join(root, "package.json"), "utf8"));
  const introduction =
    "The files of `chunks/` hold parts of these packages, by tools/bundle-package.mjs of vqkit's repository.";
  const files = output.flatMap(({ moduleIds }) => moduleIds ?? []);
  writeFileSync(path.join(target, "dist/NOTICE.md"), await noticeOf(files, introduction));
  const named = namedInTypes(path.join(target, "dist"));
  return INCLUDED.filter((name) => !named.has(name));
}

/**
 * A module that starts another file, as a pool does its workers, names it from where it stands (`new URL` with
 * `import.meta.url`): the chunk that it goes to stands elsewhere.
 */
function filesBeside(dist) {
  const beside = /new URL\("(\.[^"]+\.js)", import\.meta\.url\)/g;
  const marked = /"vqkit-file:([^"]+)"/g;
  return {
    name: "vqkit-files-beside",
    transform(code, id) {
      if (code.search(beside) === -1) return null;
      const from = path.relative(dist, path.dirname(id)).replaceAll("\\", "/");
      return code.replace(
        beside,
        (_, name) => `new URL("vqkit-file:${path.posix.join(from, name)}", import.meta.url)`,
      );
    },
    renderChunk(code, { fileName }) {
      if (code.search(marked) === -1) return null;
      return code.replace(marked, (_, file) => {
        const relative = path.posix.relative(path.posix.dirname(fileName), file);
        return JSON.stringify(relative.startsWith(".") ? relative : `./${relative}`);
      });
    },
  };
}

/** Every face, every worker's file, and the command line. */
function entriesOf(dist) {
  const sources = readdirSync(path.join(dist, "src"), { recursive: true, encoding: "utf8" })
    .map((file) => file.replaceAll("\\", "/"))
    .filter((file) => /(^|\/)(index|worker|[a-z-]+-worker)\.js$/.test(file) && file !== "tf/index.js");
  const entries = [...sources.map((file) => `src/${file}`), "cli/main.js"];
  return Object.fromEntries(entries.map((file) => [file.replace(/\.js$/, ""), path.join(dist, file)]));
}

/** Bundled by itself, and left where it is: tools/bundle-tf.mjs. */
function isTensorFlow(id) {
  return /(^|\/)tf\/index\.js$/.test(id.replaceAll("\\", "/"));
}

function isBare(id) {
  return !id.startsWith(".") && !id.startsWith("\0") && !path.isAbsolute(id);
}

function isIncluded(id) {
  return INCLUDED.some((name) => id === name || id.startsWith(`${name}/`));
}

/** What the bundler itself adds: it has these helpers in it, and nobody else installs them. */
function isHelper(id) {
  return id.startsWith("@oxc-project/runtime/");
}

/** @throws where the bundle loads a package that who installs vqkit does not have */
function checkImports(output, manifest) {
  const { dependencies, devDependencies, peerDependencies } = JSON.parse(manifest);
  // An engine is a development dependency here, and an optional one of the package or of its user.
  const known = new Set([...Object.keys(dependencies), ...Object.keys(peerDependencies)]);
  const names = output
    .flatMap(({ imports = [], dynamicImports = [] }) => [...imports, ...dynamicImports])
    .filter((id) => isBare(id) && !isBuiltin(id) && !/^(?:chunks|src|cli)\//.test(id))
    .map((id) => /^(?:@[^/]+\/)?[^/]+/.exec(id)[0]);
  const missing = [...new Set(names)].filter((name) => !known.has(name));
  if (missing.length > 0)
    throw new Error(
      `bundle: expected imports of dependencies only, got ${missing.map((name) => (name in devDependencies ? `${name} (for development)` : name)).join(", ")}.`,
    );
}

/** Packages whose types ours name. */
function namedInTypes(dist) {
  const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".d.ts"),
  );
  const texts = files.map((file) => readFileSync(path.join(dist, file), "utf8"));
  return new Set(
    INCLUDED.filter((name) => texts.some((text) => new RegExp(`["']${name}(?:/[^"']*)?["']`).test(text))),
  );
}
