// What one submitter and one Redis can take, without computing anything: how fast pieces are added, taken and completed, what
// they occupy in Redis, how many requests each costs, and how fast codes are joined into each format.
// usage: npm run build && node bench/queue-limits.mjs [--jobs 20000] [--entries 50000] [--grid 16]
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Random } from "../dist/src/core/random.js";
import { QueueConnection } from "../dist/src/queue/connection.js";
import { PieceJoin } from "../dist/src/queue/encode/join.js";
import { readPiece } from "../dist/src/queue/encode/piece.js";
import { Submission } from "../dist/src/queue/submission.js";
import { queueName } from "../dist/src/queue/task.js";
import { codeFormats, writeCodes } from "../dist/src/tokenizer/index.js";

const { values } = parseArgs({
  options: {
    jobs: { type: "string", default: "20000" },
    entries: { type: "string", default: "50000" },
    grid: { type: "string", default: "16" },
  },
});
const jobs = Number(values.jobs);
const entries = Number(values.entries);
const grid = Number(values.grid);
const root = mkdtempSync(join(tmpdir(), "vqkit-queue-limits-"));
const print = (value) => console.log(JSON.stringify(value));
const seconds = async (work) => {
  const begun = performance.now();
  await work();
  return (performance.now() - begun) / 1000;
};
const field = async (redis, section, name) =>
  Number(new RegExp(`^${name}:(\\d+)`, "m").exec(await redis.info(section))?.[1]);

async function ofRedis() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  const flags = [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--save",
    "",
    "--appendonly",
    "yes",
    "--dir",
    root,
  ];
  const child = spawn("redis-server", flags, { stdio: "ignore" });
  try {
    await setTimeout(500);
    const connection = await QueueConnection.open({ url: `redis://127.0.0.1:${port}` });
    const { redis } = connection;
    const digest = "0".repeat(64);
    const task = {
      ...{ version: 1, id: "0".repeat(16), kind: "encode", pieces: jobs, fingerprint: digest, probe: digest },
      ...{ allowMixed: false, leaseSeconds: 30, tries: 3, createdAt: 0 },
    };
    const submission = new Submission(connection, task);
    const before = await field(redis, "memory", "used_memory");
    const adding = await seconds(() => submission.begin({ resume: false }));
    const waiting = await field(redis, "memory", "used_memory");
    const taker = connection.taker(queueName(task.id), 30);
    const commands = await field(redis, "stats", "total_commands_processed");
    const taking = await seconds(async () => {
      for (let piece = 0; piece < jobs; piece++) {
        const job = await taker.getNextJob("token", { block: false });
        const folder = `${String(piece).padStart(6, "0")}-${"0".repeat(16)}`;
        await job.moveToCompleted({ folder, digest, items: 1000 }, "token", false);
      }
    });
    const after = await field(redis, "stats", "total_commands_processed");
    const done = await field(redis, "memory", "used_memory");
    print({
      pieces: jobs,
      addedPerSecond: Math.round(jobs / adding),
      takenAndCompletedPerSecond: Math.round(jobs / taking),
      bytesPerWaitingPiece: Math.round((waiting - before) / jobs),
      bytesPerCompletedPiece: Math.round((done - before) / jobs),
      commandsPerPiece: Math.round((10 * (after - commands)) / jobs) / 10,
    });
    await connection.close();
  } finally {
    child.kill("SIGKILL");
  }
}

async function ofJoining() {
  const random = new Random(0, "queue limits");
  const size = 64;
  const indices = Uint16Array.from({ length: size * grid * grid }, () => random.integer(1024));
  const names = Array.from({ length: entries }, (_, i) => `000/${String(i).padStart(6, "0")}.jpg`);
  const side = 16 * grid;
  async function* codes() {
    for (let at = 0; at < entries; at += size) {
      const count = Math.min(size, entries - at);
      const images = names.slice(at, at + count).map((name) => ({ name, width: side, height: side }));
      const part = indices.subarray(0, count * grid * grid);
      const fingerprint = "0".repeat(64);
      yield { indices: part, shape: [count, grid, grid, 1], codebookSize: 1024, images, fingerprint };
    }
  }
  const folder = join(root, `000000-${"0".repeat(16)}`);
  mkdirSync(folder);
  await writeCodes(join(folder, "codes"), codes(), { format: "packed" });
  const batches = [];
  for (let at = 0; at < entries; at += size) {
    const count = Math.min(size, entries - at);
    batches.push([at + count, 0, count]);
  }
  const record = {
    format: "vqkit-piece",
    formatVersion: 1,
    piece: 0,
    names,
    batches,
    broken: [],
    notes: [],
    leftOut: [],
  };
  writeFileSync(join(folder, "piece.json"), JSON.stringify(record));
  const digest = createHash("sha256")
    .update(readFileSync(join(folder, "piece.json")))
    .digest("hex");
  for (const format of codeFormats) {
    const out = join(root, format);
    const taken = await seconds(async () => {
      const found = await readPiece(root, { folder: `000000-${"0".repeat(16)}`, digest, items: entries });
      const manifest = await writeCodes(out, new PieceJoin().add(found.record, found.codes), { format });
      const bytes = manifest.files.reduce((sum, file) => sum + file.bytes, 0);
      print({ format, bytesPerEntry: Math.round(bytes / entries) });
    });
    print({ format, joinedEntriesPerSecond: Math.round(entries / taken) });
  }
}

try {
  await ofRedis();
  await ofJoining();
} finally {
  rmSync(root, { recursive: true, force: true });
}
