// Processes of the soaks of queues: a Redis with its append-only file, workers and submitters of the built program, and
// what kills and stops them at random moments.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import sharp from "sharp";

const program = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));

export class QueueFleet {
  /** The shared folder: everything runs in it. */
  root;
  #port = 0;
  #redis;
  #children = new Set();

  constructor(name) {
    this.root = mkdtempSync(join(tmpdir(), `vqkit-${name}-`));
  }

  /** The flag that names the queue. */
  get queue() {
    return ["--queue", `redis://127.0.0.1:${this.#port}`];
  }

  start(command, args) {
    const child = spawn(command, args, { cwd: this.root, stdio: ["ignore", "ignore", "pipe"] });
    this.#children.add(child);
    let text = "";
    child.stderr.on("data", (chunk) => {
      text = (text + chunk).slice(-4000);
    });
    child.done = new Promise((resolve) =>
      child.once("close", (code, signal) => {
        this.#children.delete(child);
        resolve({ code, signal, text });
      }),
    );
    return child;
  }

  vqkit(...args) {
    return this.start(process.execPath, [program, ...args]);
  }

  worker() {
    return this.vqkit("worker", ...this.queue, "--threads", "1");
  }

  async startRedis() {
    if (this.#port === 0) {
      const server = createServer();
      await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
      this.#port = server.address().port;
      await new Promise((resolve) => server.close(resolve));
    }
    const files = ["--dir", this.root, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"];
    this.#redis = this.start("redis-server", ["--port", String(this.#port), "--bind", "127.0.0.1", ...files]);
    for (let tries = 0; tries < 400; tries++) {
      const answers = await new Promise((resolve) => {
        const socket = connect(this.#port, "127.0.0.1");
        socket.once("connect", () => resolve(socket.destroy() && true));
        socket.once("error", () => resolve(false));
      });
      if (answers) return;
      await setTimeout(25);
    }
    throw new Error("redis-server does not answer.");
  }

  /**
   * Lets workers do what a submitter asks for, while they, the submitter and Redis are killed, and killed again.
   *
   * @param options.submit starts a submitter, with these flags behind its own
   * @param options.resume what the next submitters have besides
   * @param options.kills of workers and submitters, one in four a submitter
   * @param options.stops of Redis
   * @param options.wait milliseconds before each, by a random number
   * @returns how often each was killed or stopped
   */
  async killed({ submit, resume = ["--resume"], workers, kills, stops, random, wait }) {
    const flags = ["--lease-seconds", "2", "--tries", "50"];
    const fleet = Array.from({ length: workers }, () => this.worker());
    let submitter = submit(flags);
    const events = [
      ...Array.from({ length: kills }, (_, i) => (i % 4 === 3 ? "submitter" : "worker")),
      ...Array.from({ length: stops }, () => "redis"),
    ];
    const told = {};
    // A submitter that had only begun when Redis stopped finds none: it says so and ends, some time later, and is started
    // anew as a user would, once for each stop.
    const startAnew = async () => {
      const { code, text } = await submitter.done;
      const without = told["submitter without Redis"] ?? 0;
      if (code !== 1 || !text.includes("expected Redis at") || without >= (told.redis ?? 0)) return false;
      told["submitter without Redis"] = without + 1;
      submitter = submit([...flags, ...resume]);
      return true;
    };
    for (const event of random.shuffled(events)) {
      await setTimeout(wait());
      if (submitter.exitCode !== null && !(await startAnew())) break;
      told[event] = (told[event] ?? 0) + 1;
      if (event === "worker") {
        const i = random.integer(fleet.length);
        fleet[i].kill("SIGKILL");
        await fleet[i].done;
        fleet[i] = this.worker();
      } else if (event === "submitter") {
        submitter.kill("SIGKILL");
        await submitter.done;
        submitter = submit([...flags, ...resume]);
      } else {
        this.#redis.kill("SIGTERM");
        await this.#redis.done;
        await setTimeout(random.integer(2000));
        await this.startRedis();
      }
    }
    while (await startAnew());
    await succeed(submitter);
    for (const worker of fleet) worker.kill("SIGKILL");
    return told;
  }

  /** That nothing of a queue is left in the shared folder. */
  checkClear(what) {
    const rest = readdirSync(this.root).filter((name) => name === ".vqkit-queue");
    if (rest.length > 0) throw new Error(`${what}: expected nothing left in the shared folder, got ${rest}.`);
  }

  /** Ends all that was started. */
  end({ keep = false } = {}) {
    for (const child of this.#children) child.kill("SIGKILL");
    if (!keep) rmSync(this.root, { recursive: true, force: true });
  }
}

export async function succeed(child) {
  const { code, signal, text } = await child.done;
  if (code !== 0) throw new Error(`expected exit code 0, got ${code ?? signal}: ${text}`);
}

export const say = (text) => process.stderr.write(`${text}\n`);

/** PNG files of 64×64 smooth pictures, no two of them alike, a thousand in a folder. */
export async function makeImages(root, count, random) {
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
