// Encodes many images with the command line: shows that its resident memory stays flat, kills it at random moments with
// SIGKILL, resumes it, and compares the finished files with those of an uninterrupted run byte by byte.
// usage: npm run build && node tools/encode-soak.mjs [--images 20000] [--format npy] [--kills 3] [--seed 0]
//        [--model RUN] [--keep] [-- more flags of vqkit encode]
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { Random } from "../dist/src/core/random.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    images: { type: "string", default: "20000" },
    format: { type: "string", default: "npy" },
    kills: { type: "string", default: "3" },
    seed: { type: "string", default: "0" },
    model: { type: "string" },
    keep: { type: "boolean", default: false },
  },
});
const count = Number(values.images);
const random = new Random(Number(values.seed), "encode soak");
const photos = fileURLToPath(new URL("../samples/photos", import.meta.url));
const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "vqkit-encode-soak-"));
const images = join(dir, "images");
const flags = positionals.length > 0 ? positionals : ["--size", "64"];
const say = (text) => process.stderr.write(`${text}\n`);

/** JPEG files of crops of the sample photographs, no two of them alike. */
async function makeImages() {
  const files = readdirSync(photos).filter((name) => name.endsWith(".jpg"));
  const sources = [];
  for (const file of files) {
    const { data, info } = await sharp(join(photos, file)).raw().toBuffer({ resolveWithObject: true });
    sources.push({ data, raw: { width: info.width, height: info.height, channels: info.channels } });
  }
  const save = (i) => {
    const { data, raw } = sources[random.integer(sources.length)];
    const width = Math.min(raw.width, 72 + random.integer(57));
    const height = Math.min(raw.height, 72 + random.integer(57));
    const left = random.integer(raw.width - width + 1);
    const top = random.integer(raw.height - height + 1);
    const folder = join(images, String(Math.floor(i / 1000)).padStart(3, "0"));
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${String(i).padStart(6, "0")}.jpg`);
    return sharp(data, { raw }).extract({ left, top, width, height }).jpeg({ quality: 90 }).toFile(file);
  };
  for (let i = 0; i < count; i += 64) {
    await Promise.all(Array.from({ length: Math.min(64, count - i) }, (_, j) => save(i + j)));
  }
}

/** Starts the command line; `done` is its exit code and what it wrote. */
function vqkit(args) {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk) => {
      output += chunk;
    });
  }
  const done = new Promise((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, output }));
  });
  return { child, done };
}

async function complete(args) {
  const { done } = vqkit(args);
  const { code, output } = await done;
  if (code !== 0) throw new Error(`vqkit ${args[0]} ended with ${code}: ${output}`);
}

/** Resident memory of a process in MB; undefined where the system does not tell. */
function residentMB(pid) {
  const file = `/proc/${pid}/status`;
  const match = existsSync(file) ? /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(file, "utf8")) : null;
  return match === null ? undefined : Math.round(Number(match[1]) / 1024);
}

/** The uninterrupted run: how long it took, and its memory every half second. */
async function measured(args) {
  const begin = performance.now();
  const { child, done } = vqkit(args);
  const samples = [];
  let ended = false;
  const result = done.finally(() => {
    ended = true;
  });
  while (!ended) {
    await Promise.race([setTimeout(500), result]);
    const rss = ended ? undefined : residentMB(child.pid);
    if (rss !== undefined) samples.push(rss);
  }
  const { code, output } = await result;
  if (code !== 0) throw new Error(`vqkit encode ended with ${code}: ${output}`);
  return { seconds: (performance.now() - begin) / 1000, samples };
}

/** Kills the run at random moments and resumes it. @returns after how many seconds, and what was saved by then */
async function interrupted(args, out, seconds) {
  const kills = [];
  for (let i = 0; i < Number(values.kills); i++) {
    // Together less than the whole run, each late enough for something new to be saved.
    const after = Math.min(8, seconds / 8) + random.uniform(0, seconds / (2 * Number(values.kills)));
    const { child, done } = vqkit([...args, "--resume"]);
    await Promise.race([setTimeout(1000 * after), done]);
    child.kill("SIGKILL");
    const { signal } = await done;
    const saved = join(out, ".progress.json");
    const itemsDone = existsSync(saved) ? JSON.parse(readFileSync(saved, "utf8")).source?.itemsDone : 0;
    kills.push({ afterSeconds: Number(after.toFixed(2)), killed: signal === "SIGKILL", itemsDone });
    say(`killed after ${after.toFixed(1)} s, ${itemsDone} images saved`);
    if (signal !== "SIGKILL") return kills; // it was faster
  }
  await complete([...args, "--resume"]);
  return kills;
}

function digests(folder) {
  return Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [
        name,
        createHash("sha256")
          .update(readFileSync(join(folder, name)))
          .digest("hex"),
      ]),
  );
}

const mean = (numbers) => Math.round(numbers.reduce((sum, n) => sum + n, 0) / numbers.length);

try {
  say(`making ${count} JPEG files`);
  await makeImages();
  const model = values.model ?? join(dir, "model");
  if (values.model === undefined) {
    const training = ["--quantizer", "fsq", "--levels", "8,5,5,5", "--preset", "tiny", "--steps", "20"];
    await complete(["train", photos, ...training, "--crop-size", "32", "--out", model, "--quiet"]);
  }
  const encode = (out) => [
    "encode",
    model,
    images,
    "--format",
    values.format,
    ...flags,
    "--out",
    out,
    "--quiet",
  ];
  const [whole, parts] = [join(dir, "whole"), join(dir, "parts")];
  say("encoding without interruption");
  const { seconds, samples } = await measured(encode(whole));
  const quarter = Math.floor(samples.length / 4);
  // The first quarter is warm-up.
  const [second, last] = [samples.slice(quarter, 2 * quarter), samples.slice(-quarter)];
  const growth = quarter === 0 ? undefined : (100 * (mean(last) - mean(second))) / mean(second);
  const kills = await interrupted(encode(parts), parts, seconds);
  const files = digests(whole);
  const others = digests(parts);
  const names = [...new Set([...Object.keys(files), ...Object.keys(others)])];
  const different = names.filter((name) => files[name] !== others[name]);
  const identical = different.length === 0;
  const flat = growth === undefined ? undefined : growth <= 5;
  const killed = kills.every((kill) => kill.killed) && kills.length === Number(values.kills);
  const rss =
    quarter === 0
      ? null
      : { secondQuarterMB: mean(second), lastQuarterMB: mean(last), mostMB: Math.max(...samples), flat };
  console.log(
    JSON.stringify({
      images: count,
      format: values.format,
      flags,
      seconds: Number(seconds.toFixed(1)),
      imagesPerSecond: Number((count / seconds).toFixed(1)),
      rss,
      kills,
      identical,
      ...(identical ? {} : { different }),
      files: Object.keys(files),
    }),
  );
  process.exitCode = identical && killed && flat !== false ? 0 : 1;
} finally {
  if (values.keep) say(`kept: ${dir}`);
  else rmSync(dir, { recursive: true, force: true });
}
