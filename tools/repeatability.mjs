// Shows that training repeats to the last bit: the same run twice with one thread and twice with two, each in a process
// of its own, compared by the SHA-256 of the weights and of the metrics without their timing fields.
// usage: npm run build && node tools/repeatability.mjs [--steps 200] [--kinds vq,rotation,simvq,fsq] [--preset small]
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "200" },
    kinds: { type: "string", default: "vq,rotation,simvq,fsq" },
    preset: { type: "string", default: "small" },
  },
});
const timing = new Set(["imagesPerSecond", "elapsedSeconds"]);

function train(kind, threads, out) {
  const flags = ["--quantizer", kind, "--preset", values.preset, "--crop-size", "32", "--batch-size", "8"];
  const run = ["--steps", values.steps, "--seed", "3", "--threads", String(threads), "--out", out, "--quiet"];
  const program = [join(root, "dist/cli/main.js"), "train", join(root, "samples/photos")];
  execFileSync(process.execPath, [...program, ...flags, ...run], { stdio: ["ignore", "ignore", "inherit"] });
}

function digest(content) {
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}

function metricsWithoutTimes(path) {
  const lines = readFileSync(path, "utf8").trim().split("\n");
  return lines.map((line) =>
    JSON.stringify(JSON.parse(line), (key, value) => (timing.has(key) ? undefined : value)),
  );
}

const folder = mkdtempSync(join(tmpdir(), "vqkit-repeatability-"));
let failed = false;
try {
  for (const kind of values.kinds.split(",")) {
    for (const threads of [1, 2]) {
      const [first, second] = [1, 2].map((attempt) => {
        const out = join(folder, `${kind}-${threads}-${attempt}`);
        train(kind, threads, out);
        const weights = digest(readFileSync(join(out, "model.safetensors")));
        return { weights, metrics: digest(metricsWithoutTimes(join(out, "metrics.jsonl")).join("\n")) };
      });
      const same = first.weights === second.weights && first.metrics === second.metrics;
      failed ||= !same;
      console.log(JSON.stringify({ kind, threads, steps: Number(values.steps), same, ...first }));
    }
  }
} finally {
  rmSync(folder, { recursive: true });
}
process.exitCode = failed ? 1 : 0;
