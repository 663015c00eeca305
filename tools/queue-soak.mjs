// Encodes many images on a queue: by 1, 2 and more workers, then with workers and submitter killed at random moments with
// SIGKILL and Redis stopped and started in between; compares every folder of codes with that of one process, byte by byte.
// usage: npm run build && node tools/queue-soak.mjs [--images 20000] [--images-per-piece 200] [--workers 3] [--kills 20]
//        [--stops 2] [--format npy] [--seed 0] [--keep]
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { Random } from "../dist/src/core/random.js";

const { values } = parseArgs({
  options: {
    images: { type: "string", default: "20000" },
    "images-per-piece": { type: "string", default: "200" },
    workers: { type: "string", default: "3" },
    kills: { type: "string", default: "20" },
    stops: { type: "string", default: "2" },
    format: { type: "string", default: "npy" },
    seed: { type: "string", default: "0" },
    keep: { type: "boolean", default: false },
  },
});
const count = Number(values.images);
const workers = Number(values.workers);
const random = new Random(Number(values.seed), "queue soak");
const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "vqkit-queue-soak-"));
const say = (text) => process.stderr.write(`${text}\n`);
const children = new Set();

/** PNG files of 64×64 smooth pictures, no two of them alike. */
async function makeImages() {
  const save = (i) => {
    const coarse = Buffer.from(Array.from({ length: 27 }, () => random.integer(256)));
    const folder = join(root, "images", String(Math.floor(i / 1000)).padStart(3, "0"));
    mkdirSync(folder, { recursive: true });
    return sharp(coarse, { raw: { width: 3, height: 3, channels: 3 } })
      .resize(64, 64, { kernel: "cubic", fit: "fill" })
      .png()
      .toFile(join(folder, `${String(i).padStart(6, "0")}.png`));
  };
  for (let i = 0; i < count; i += 64) {
    await Promise.all(Array.from({ length: Math.min(64, count - i) }, (_, j) => save(i + j)));
  }
}

function start(command, args) {
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "ignore", "pipe"] });
  children.add(child);
  let text = "";
  child.stderr.on("data", (chunk) => {
    text = (text + chunk).slice(-4000);
  });
  child.done = new Promise((resolve) =>
    child.once("close", (code, signal) => {
      children.delete(child);
      resolve({ code, signal, text });
    }),
  );
  return child;
}

const vqkit = (...args) => start(process.execPath, [program, ...args]);

async function succeed(child) {
  const { code, signal, text } = await child.done;
  if (code !== 0) throw new Error(`expected exit code 0, got ${code ?? signal}: ${text}`);
}

let port = 0;
let redis;

async function startRedis() {
  if (port === 0) {
    const server = createServer();
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = server.address().port;
    await new Promise((resolve) => server.close(resolve));
  }
  const files = ["--dir", root, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"];
  redis = start("redis-server", ["--port", String(port), "--bind", "127.0.0.1", ...files]);
  for (let tries = 0; tries < 400; tries++) {
    const answers = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => resolve(socket.destroy() && true));
      socket.once("error", () => resolve(false));
    });
    if (answers) return;
    await setTimeout(25);
  }
  throw new Error("redis-server does not answer.");
}

const queue = () => ["--queue", `redis://127.0.0.1:${port}`];
const startWorker = () => vqkit("worker", ...queue(), "--threads", "1");
const submit = (out, ...more) =>
  vqkit(
    ...["encode", "run", "images", "--out", out, "--format", values.format, ...queue()],
    ...["--images-per-piece", values["images-per-piece"], ...more],
  );

/** Names, lengths and content of all files. */
function digestOf(out) {
  const hash = createHash("sha256");
  for (const name of readdirSync(join(root, out)).sort()) {
    const content = readFileSync(join(root, out, name));
    hash.update(`${name} ${content.length}\n`).update(content);
  }
  return hash.digest("hex");
}

function check(out, expected) {
  if (digestOf(out) !== expected) throw new Error(`${out}: expected the files of one process, got others.`);
  const rest = readdirSync(root).filter((name) => name === ".vqkit-queue");
  if (rest.length > 0) throw new Error(`${out}: expected nothing left in the shared folder, got ${rest}.`);
}

async function killed(expected) {
  const flags = ["--lease-seconds", "2", "--tries", "50"];
  const fleet = [startWorker(), startWorker()];
  let submitter = submit("killed", ...flags);
  const events = [
    ...Array.from({ length: Number(values.kills) }, (_, i) => (i % 4 === 3 ? "submitter" : "worker")),
    ...Array.from({ length: Number(values.stops) }, () => "redis"),
  ];
  const told = {};
  for (const event of random.shuffled(events)) {
    await setTimeout(500 + random.integer(3000));
    if (submitter.exitCode !== null) break;
    told[event] = (told[event] ?? 0) + 1;
    if (event === "worker") {
      const i = random.integer(fleet.length);
      fleet[i].kill("SIGKILL");
      await fleet[i].done;
      fleet[i] = startWorker();
    } else if (event === "submitter") {
      submitter.kill("SIGKILL");
      await submitter.done;
      submitter = submit("killed", ...flags, "--resume");
    } else {
      redis.kill("SIGTERM");
      await redis.done;
      await setTimeout(random.integer(2000));
      await startRedis();
    }
  }
  await succeed(submitter);
  for (const worker of fleet) worker.kill("SIGKILL");
  check("killed", expected);
  return told;
}

try {
  say(`making ${count} images`);
  await makeImages();
  const model = ["--preset", "tiny", "--steps", "2", "--batch-size", "4", "--crop-size", "32"];
  await succeed(vqkit("train", "images/000", ...model, "--out", "run", "--quiet"));
  const begun = performance.now();
  await succeed(vqkit("encode", "run", "images", "--out", "alone", "--format", values.format));
  say(`one process: ${((performance.now() - begun) / 1000).toFixed(1)} s`);
  const expected = digestOf("alone");
  await startRedis();
  for (let n = 1; n <= workers; n++) {
    const fleet = Array.from({ length: n }, startWorker);
    const started = performance.now();
    await succeed(submit(`by-${n}`));
    say(`${n} workers: ${((performance.now() - started) / 1000).toFixed(1)} s, identical`);
    for (const worker of fleet) worker.kill("SIGTERM");
    await Promise.all(fleet.map((worker) => worker.done));
    check(`by-${n}`, expected);
  }
  const told = await killed(expected);
  const parts = Object.entries(told).map(([what, times]) => `${what} ${times}`);
  say(`killed or stopped (${parts.join(", ")}): identical`);
  process.stdout.write(`${JSON.stringify({ images: count, workers, ...told, identical: true })}\n`);
} finally {
  for (const child of children) child.kill("SIGKILL");
  if (values.keep) say(root);
  else rmSync(root, { recursive: true, force: true });
}
