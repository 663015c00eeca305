// Reads many damaged and odd files with every parser: `npm run fuzz -- --cases 100000 --seed 1 [--target NAME]`.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { rolldown } from "rolldown";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({
  options: {
    cases: { type: "string", default: "5000" },
    seed: { type: "string", default: "1" },
    target: { type: "string", default: "" },
  },
});
/** Of some fifty cases; the limit of each is a second, this one is for loops without end. */
const SILENT_SECONDS = 30;

const bundle = here("../node_modules/.cache/vqkit/fuzz.mjs");
const build = await rolldown({
  input: here("../tests/fuzz/main.ts"),
  platform: "node",
  // Packages are loaded, not bundled.
  external: (id) => !id.startsWith(".") && !id.startsWith("/"),
  resolve: { extensionAlias: { ".js": [".ts", ".js"] } },
  logLevel: "silent",
});
await build.write({ file: bundle, format: "esm", codeSplitting: false });
await build.close();

const child = spawn(
  process.execPath,
  [bundle, JSON.stringify({ ...values, golden: here("../tests/golden/0.1.0") })],
  {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  },
);
let where = "before the first case";
let silent = 0;
// Second by second, so that the time for which both processes were stopped does not count.
const timer = setInterval(() => {
  silent++;
  if (silent < SILENT_SECONDS) return;
  console.error(`No end within ${SILENT_SECONDS} s: ${where}.`);
  child.kill("SIGKILL");
}, 1000);
child.on("message", (message) => {
  where = message;
  silent = 0;
});
child.on("exit", (code) => {
  clearInterval(timer);
  process.exitCode = code ?? 1;
});
