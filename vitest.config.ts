import { defineConfig } from "vitest/config";

export default defineConfig({
  // Samples import the package by its name; tests run them on the sources.
  resolve: {
    alias: {
      "vqkit/backend": new URL("./src/backend/index.ts", import.meta.url).pathname,
      vqkit: new URL("./src/index.ts", import.meta.url).pathname,
    },
  },
  test: {
    include: ["tests/**/*.test.ts"],
    // Each worker loads its own ONNX Runtime; two keep a 2-core machine busy without fighting for it.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
