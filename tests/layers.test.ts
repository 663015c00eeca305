import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";

const root = path.resolve(import.meta.dirname, "..");

/** A layer imports itself and what has a lower number; see docs/architecture.md. */
const LEVELS: Readonly<Record<string, number>> = {
  core: 0,
  tf: 0,
  backend: 1,
  files: 1,
  data: 2,
  metrics: 2,
  drawing: 2,
  nn: 2,
  quantizers: 3,
  losses: 4,
  testing: 4,
  autoencoder: 4,
  runs: 5,
  evaluation: 6,
  import: 6,
  reports: 7,
  tokenizer: 7,
  training: 7,
  export: 8,
  queue: 8,
  ui: 8,
  index: 9,
};

function sources(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"))
    .map((name) => path.join(folder, name));
}

test("the pattern of imports sees those that there are", () => {
  expect(importsOf("src/index.ts")).toContain(path.join("src", "core", "errors.ts"));
  const [errors, engine] = [path.join("src", "core", "errors.ts"), path.join("src", "backend", "index.ts")];
  expect(importsOf("cli/errors.ts")).toEqual([errors, engine]);
});

/** The files of this project that a file imports, from the root. */
function importsOf(file: string): string[] {
  const text = readFileSync(path.join(root, file), "utf8");
  const names = [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)"(\.[^"]+)"/g)].map(
    (match) => match[1] as string,
  );
  return names.map((name) => path.join(path.dirname(file), name.replace(/\.js$/, ".ts")));
}

/** Groups of files of which each reaches every other by imports (Tarjan's strongly connected components). */
function importCycles(files: readonly string[]): string[][] {
  const cycles: string[][] = [];
  const order = new Map<string, number>();
  const stack: string[] = [];
  const visit = (file: string): number => {
    const own = order.size;
    order.set(file, own);
    stack.push(file);
    let lowest = own;
    for (const next of importsOf(file)) {
      if (!order.has(next)) lowest = Math.min(lowest, visit(next));
      else if (stack.includes(next)) lowest = Math.min(lowest, order.get(next) as number);
    }
    if (lowest === own) {
      const group = stack.splice(stack.indexOf(file));
      if (group.length > 1) cycles.push(group);
    }
    return lowest;
  };
  for (const file of files) if (!order.has(file)) visit(file);
  return cycles;
}

/** `src/data/split.ts` → `data`. */
function layerOf(file: string): string {
  return (file.split(path.sep)[1] as string).replace(/\.ts$/, "");
}

describe("layers", () => {
  test("the folders of src are the layers of the documentation", () => {
    const text = readFileSync(path.join(root, "docs/architecture.md"), "utf8");
    const layers = readdirSync(path.join(root, "src")).map((name) => name.replace(/\.ts$/, ""));
    expect(layers.sort()).toEqual(Object.keys(LEVELS).sort());
    for (const layer of layers) expect(text).toContain(layer === "index" ? "src/index.ts" : `src/${layer}/`);
  });

  test("a file imports only what stands below its layer", () => {
    const wrong = sources("src").flatMap((file) => {
      const layer = layerOf(file);
      const level = LEVELS[layer] as number;
      const allowed = (other: string) =>
        other === layer || (LEVELS[other] ?? Number.POSITIVE_INFINITY) < level;
      const bad = importsOf(file).filter((each) => !each.startsWith("src") || !allowed(layerOf(each)));
      return bad.map((each) => `${file} imports ${each}`);
    });
    expect(wrong).toEqual([]);
  });

  test("a layer is used by its faces alone; core has none", () => {
    const isFace = (file: string) => path.basename(file) === "index.ts" || layerOf(file) === "core";
    const wrong = sources("src").flatMap((file) => {
      const bad = importsOf(file).filter((each) => layerOf(each) !== layerOf(file) && !isFace(each));
      return bad.map((each) => `${file} imports ${each}`);
    });
    expect(wrong).toEqual([]);
  });

  test("no file imports itself by way of others, types included", () => {
    expect(importCycles([...sources("src"), ...sources("cli")])).toEqual([]);
  });

  test("the command line takes the library by its faces; core has none", () => {
    const isOpen = (file: string) => path.basename(file) === "index.ts" || layerOf(file) === "core";
    const wrong = sources("cli").flatMap((file) => {
      const bad = importsOf(file).filter((each) => !each.startsWith("cli") && !isOpen(each));
      return bad.map((each) => `${file} imports ${each}`);
    });
    expect(wrong).toEqual([]);
  });

  test("sharp is loaded in one place, in the form that every Node of the README loads", () => {
    const loading = sources("src").filter((file) =>
      /import (?!type )[^;]*from "sharp"|import\("sharp"\)/.test(readFileSync(path.join(root, file), "utf8")),
    );
    expect(loading).toEqual([]);
  });

  test("TensorFlow.js is imported in one place, which the package has bundled; tfjs-node in another", () => {
    const importing = sources("src").filter((file) =>
      /(?:\bfrom |\bimport \(?|\bimport\()"@tensorflow\//.test(readFileSync(path.join(root, file), "utf8")),
    );
    expect(importing.sort()).toEqual([
      path.join("src", "backend", "tensorflow.ts"),
      path.join("src", "tf", "index.ts"),
    ]);
  });

  test("BullMQ and its connection, which are optional, are loaded in one place and only when a queue is opened", () => {
    const texts = [...sources("src"), ...sources("cli")].map((file) => [
      file,
      readFileSync(path.join(root, file), "utf8"),
    ]);
    const awaited = texts.filter(([, text]) => /Promise\.all\(\[import\("bullmq"\)/.test(text as string));
    expect(awaited.map(([file]) => file)).toEqual([path.join("src", "queue", "connection.ts")]);
    const imported = /import (?!type )[^;]*from "(?:bullmq|ioredis)"/;
    expect(texts.filter(([, text]) => imported.test(text as string))).toEqual([]);
    const naming = texts.filter(([, text]) => /"(?:bullmq|ioredis)"/.test(text as string));
    for (const [file] of naming) expect(file).toContain(path.join("src", "queue"));
  });

  test("the library neither prints, exits, reads the command line nor draws unseeded numbers", () => {
    const forbidden = /\bconsole\.|process\.(exit|argv|stdout|stderr|stdin)|Math\.random/;
    const wrong = sources("src").filter((file) => {
      const code = readFileSync(path.join(root, file), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "");
      return forbidden.test(code);
    });
    expect(wrong).toEqual([]);
  });
});

/** `tests/nn/layers.test.ts` → `nn/layers`: what the tests of a file are named after. */
function subjectOf(test: string): string {
  return path.relative("tests", test).replace(/(\.long)?\.test\.ts$/, "");
}

/** Where tests of a source file are looked for: `src/nn/conv.ts` → `nn/conv`; those of a command stand in `cli`. */
function placeOfTests(source: string): string {
  return source
    .replace(/\.ts$/, "")
    .replace(/^src\//, "")
    .replace(/^cli\/commands\//, "cli/");
}

test("the tests of a source file are where its name says", () => {
  const files = [...sources("src"), ...sources("cli")];
  const places = files.map(placeOfTests);
  const known = new Set([...places, ...places.map((place) => path.dirname(place))]);
  const tests = sources("tests").filter((file) => file.endsWith(".test.ts"));
  expect(tests.length).toBeGreaterThan(100);
  const misplaced = tests.map(subjectOf).flatMap((subject) => {
    if (known.has(subject)) return [];
    const layer = subject.split("/")[0];
    const namesakes = places.filter(
      (place) => place.split("/")[0] === layer && path.basename(place) === path.basename(subject),
    );
    return namesakes.map((place) => `tests/${subject}.test.ts belongs to tests/${place}.test.ts`);
  });
  expect(misplaced).toEqual([]);
});
