// What a run leaves, without what may differ between two equal runs: for tests that interrupt runs and compare.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Fields that hold times, and what depends on them: the metrics' length has that of the times written there in it. */
const TIMING = new Set(["imagesPerSecond", "elapsedSeconds", "trainingSeconds", "training", "metricsOffset"]);

const digest = (content) => createHash("sha256").update(content).digest("hex").slice(0, 16);

const withoutTimes = (text) =>
  JSON.stringify(JSON.parse(text), (key, value) => (TIMING.has(key) ? 0 : value));

/** The bytes of a checkpoint's arrays, and its state. The header's checksum covers the times too. */
function checkpointDigest(content) {
  const length = Number(content.readBigUInt64LE());
  const { __metadata__: metadata, ...tensors } = JSON.parse(content.toString("utf8", 8, 8 + length));
  const parts = [JSON.stringify(tensors), withoutTimes(metadata.state), content.subarray(8 + length)];
  return digest(Buffer.concat(parts.map((part) => Buffer.from(part))));
}

function fileDigest(name, content) {
  if (name.startsWith("step-") && name.endsWith(".safetensors")) return checkpointDigest(content);
  if (name.endsWith(".json")) return digest(withoutTimes(content.toString()));
  if (name.endsWith(".jsonl")) {
    return digest(content.toString().trimEnd().split("\n").map(withoutTimes).join("\n"));
  }
  return digest(content);
}

/** A digest of every file of a run by name, leftovers of a killed process too; reports show times and are left out. */
export function runOutcome(dir) {
  const names = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".html"))
    .map((entry) => [join(entry.parentPath ?? entry.path, entry.name), entry.name])
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    names.map(([path, name]) => [path.slice(dir.length + 1), fileDigest(name, readFileSync(path))]),
  );
}
