import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");

/** What a file loads when it is loaded, types aside; with `later`, also what it loads when it is asked to. */
function importsOf(file: string, later: boolean): string[] {
  const text = readFileSync(path.join(root, file), "utf8").replace(
    /\bimport type\s[^;]*;|\bexport type \{[^;]*;/g,
    "",
  );
  const now = [...text.matchAll(/(?:\bfrom\s+|^import\s+)"([^"]+)"/gm)];
  const then = later ? [...text.matchAll(/\bimport\(\s*"([^"]+)"/g)] : [];
  return [...now, ...then].map((match) => match[1] as string);
}

/** Every package that is loaded with a file. */
function packagesOf(entry: string, later: boolean): Set<string> {
  const packages = new Set<string>();
  const seen = new Set<string>();
  const queue = [entry];
  for (const file of queue) {
    if (seen.has(file)) continue;
    seen.add(file);
    if (file === path.join("src", "core", "sharp.ts")) packages.add("sharp"); // by `require`
    for (const name of importsOf(file, later)) {
      if (name.startsWith(".")) queue.push(path.join(path.dirname(file), name.replace(/\.js$/, ".ts")));
      else packages.add(name);
    }
  }
  return packages;
}

test("the page of runs loads no engine, and nothing that draws before a page is asked for", () => {
  expect(existsSync(path.join(root, "src/ui/index.ts"))).toBe(true);
  const all = packagesOf("src/ui/index.ts", true);
  expect([...all].filter((name) => /tensorflow|onnx/.test(name))).toEqual([]);
  expect([...all]).toEqual(expect.arrayContaining(["@observablehq/plot", "linkedom", "zod"])); // the walk sees them
  const first = packagesOf("src/ui/index.ts", false);
  expect([...first].filter((name) => /plot|linkedom|sharp/.test(name))).toEqual([]);
  expect([...first]).toContain("zod");
});
