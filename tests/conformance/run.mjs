// Runs tfjs-core's own backend specs against the ONNX Runtime backend: `npm run conformance [-- --json]
// [--filter TEXT] [--device cpu|webgpu|cuda]`.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { rolldown } from "rolldown";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const bundle = here("../../node_modules/.cache/vqkit/conformance.mjs");

// tfjs-core's specs are ES modules inside a CommonJS package: bundled, they share one copy of tfjs-core with the
// backend. Tree shaking would drop them, because the package lists them as free of side effects.
const build = await rolldown({
  input: here("main.ts"),
  platform: "node",
  treeshake: false,
  external: [/^jasmine-core/, /^node:/],
  resolve: {
    mainFields: ["module", "main"],
    extensionAlias: { ".js": [".ts", ".js"] },
  },
  logLevel: "silent",
});
await build.write({ file: bundle, format: "esm", codeSplitting: false });
await build.close();

const { status } = spawnSync(process.execPath, [bundle, ...process.argv.slice(2)], { stdio: "inherit" });
process.exitCode = status ?? 1;
