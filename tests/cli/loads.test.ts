/** What the built program loads, file by file, so that it starts as fast as it did. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test } from "vitest";
import { main, temporaryFolder } from "./harness.js";

const dist = path.dirname(path.dirname(main));

const moduleOf = (text: string) => `data:text/javascript,${encodeURIComponent(text)}`;
/** Writes down every module that is imported and, at the end, every one that was required. */
const WATCH = moduleOf(`
  import { appendFileSync } from "node:fs";
  import Module, { register } from "node:module";
  const note = (text) => appendFileSync(process.env.LOADED, text + "\\n");
  register(${JSON.stringify(
    moduleOf(`
      import { appendFileSync } from "node:fs";
      export async function load(url, context, next) {
        appendFileSync(process.env.LOADED, url + "\\n");
        return next(url, context);
      }`),
  )});
  process.on("exit", () => Object.keys(Module._cache).forEach(note));
`);

/** Packages, and files of the build without their folder, that a program loads. */
async function loadedBy(args: readonly string[]): Promise<{ packages: string[]; files: string[] }> {
  const LOADED = path.join(await temporaryFolder(), "loaded.txt");
  const env = { ...process.env, LOADED };
  await promisify(execFile)(process.execPath, ["--import", WATCH, ...args], { env });
  const urls = (await readFile(LOADED, "utf8")).trim().split("\n");
  const names = urls
    .filter((url) => url.startsWith("/") || url.startsWith("file:"))
    .map((url) => (url.startsWith("file:") ? fileURLToPath(url) : url).replaceAll("\\", "/"));
  const unique = (all: readonly string[]) => [...new Set(all)].sort();
  return {
    packages: unique(names.flatMap((name) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(name)?.[1] ?? [])),
    files: unique(
      names.filter((name) => name.startsWith(`${dist}/`)).map((name) => path.posix.relative(dist, name)),
    ),
  };
}

describe("the command line before a command runs", () => {
  test.each(["--version", "--help", "train --help"])("vqkit %s", async (line) => {
    const { packages, files } = await loadedBy([main, ...line.split(" ")]);
    expect(packages).toEqual(["commander", "fastest-levenshtein", "picocolors"]);
    expect(files.filter((file) => file.startsWith("src/"))).toEqual([
      "src/core/errors.js",
      "src/core/objects.js",
      "src/core/shell.js",
      "src/core/suggest.js",
      "src/core/usage-words.js",
    ]);
    expect(files).toContain("cli/program.js");
  });
});

test("import vqkit loads no engine, no library of images, nothing that draws charts, and nothing that one format alone needs", async () => {
  const url = pathToFileURL(path.join(dist, "src/index.js")).href;
  const { packages, files } = await loadedBy(["--input-type=module", "--eval", `await import("${url}")`]);
  expect(packages).toEqual([
    "@bufbuild/protobuf",
    "balanced-match",
    "brace-expansion",
    "fastest-levenshtein",
    "fzstd",
    "hyparquet",
    "hyparquet-writer",
    "pure-rand",
    "zod",
  ]);
  expect(
    files.filter((file) => /^src\/(?:ui|testing|drawing\/charts|reports\/comparison\/page)/.test(file)),
  ).toEqual([]);
  expect(files).toContain("src/tf/index.js");
});
