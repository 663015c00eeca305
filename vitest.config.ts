import { defineConfig } from "vitest/config";

/** Long tests (crashes, full disks, fuzzing, browsers, budgets): `npm run test:long` runs them, `npm test` the others. */
const LONG = "tests/**/*.long.test.ts";

/** `--mode long` runs the long tests alone, `--mode all` every test. */
const FILES: Readonly<Record<string, { readonly include: string[]; readonly exclude: string[] }>> = {
  test: { include: ["tests/**/*.test.ts"], exclude: [LONG] },
  long: { include: [LONG], exclude: [] },
  all: { include: ["tests/**/*.test.ts"], exclude: [] },
};

export default defineConfig(({ mode }) => ({
  // Samples import the package by its name; tests run them on the sources.
  resolve: {
    alias: [
      { find: /^vqkit$/, replacement: new URL("./src/index.ts", import.meta.url).pathname },
      { find: /^vqkit\/(.+)$/, replacement: `${new URL("./src", import.meta.url).pathname}/$1/index.ts` },
    ],
  },
  test: {
    ...FILES[mode],
    // Each worker loads its own ONNX Runtime; two keep a 2-core machine busy without fighting for it.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
}));
