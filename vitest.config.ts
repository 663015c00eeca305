import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { defineConfig } from "vitest/config";

/** `--mode test`, which is `npm test`, leaves the long tests out; `--mode long` runs them alone, `--mode all` both. */
const INCLUDED: Readonly<Record<string, (file: string) => boolean>> = {
  test: (file) => !isLong(file),
  long: isLong,
  all: () => true,
};

/** Crashes, full disks, fuzzing, browsers, WebGPU, budgets, and what repeats at length what a shorter test does once. */
function isLong(file: string): boolean {
  return file.endsWith(".long.test.ts");
}

/** What changes its process for good: modules replaced, TensorFlow.js's backends or flags set. */
const CHANGES_PROCESS =
  /\bvi\.(?:mock|doMock|stubGlobal|stubEnv)\(|\bregister\w*Backend\(|\bsetBackend\(|\btf\.env\(\)/;

/** What registers kinds under names of its own, which others that do so do not mind. */
const REGISTERS = /\bregister[A-Z]\w*(?:<\w+>)?\(/;

/** Whether a file of tests has such text, itself or in what it imports beside the program's own sources. */
function has(text: RegExp, file: string, seen = new Set<string>()): boolean {
  if (seen.has(file) || /^(?:src|cli|\.\.)\//.test(file) || !existsSync(file)) return false;
  seen.add(file);
  const source = readFileSync(file, "utf8");
  return (
    text.test(source) ||
    [...source.matchAll(/\b(?:from|import)[ (]"(\.[^"]+)\.js"/g)].some(([, name]) =>
      has(text, path.join(path.dirname(file), `${name}.ts`), seen),
    )
  );
}

export default defineConfig(({ mode }) => {
  const files = readdirSync("tests", { recursive: true, encoding: "utf8" })
    .map((name) => path.join("tests", name))
    .filter((file) => file.endsWith(".test.ts") && INCLUDED[mode]?.(file));
  // To load the modules takes longer than most tests: files that leave no traces share a process and its modules, and
  // so do those that leave nothing but names of kinds. Who counts the kinds has a process of its own.
  const own = files.filter(
    (file) => isLong(file) || has(CHANGES_PROCESS, file) || file === "tests/quantizers/registry.test.ts",
  );
  const registering = files.filter((file) => !own.includes(file) && has(REGISTERS, file));
  const shared = files.filter((file) => !own.includes(file) && !registering.includes(file));
  const inOne = { isolate: false, setupFiles: ["tests/fresh-process.ts"] };
  return {
    // Samples import the package by its name; tests run them on the sources.
    resolve: {
      alias: [
        { find: /^vqkit$/, replacement: new URL("./src/index.ts", import.meta.url).pathname },
        { find: /^vqkit\/(.+)$/, replacement: `${new URL("./src", import.meta.url).pathname}/$1/index.ts` },
      ],
    },
    test: {
      // Each worker loads its own ONNX Runtime; two keep a 2-core machine busy without fighting for it.
      maxWorkers: 2,
      testTimeout: 60_000,
      hookTimeout: 60_000,
      setupFiles: ["tests/one-thread.ts"],
      projects: [
        { extends: true, test: { name: "shared", include: shared, ...inOne } },
        { extends: true, test: { name: "registering", include: registering, ...inOne } },
        { extends: true, test: { name: "own", include: own } },
      ],
    },
  };
});
