import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";

/** Debian's package; tests of queues are skipped where it is missing. */
export const hasRedis = spawnSync("redis-server", ["--version"]).status === 0;

/** A Redis of one's own on a free port, with its files in a folder of its own. */
export class RedisServer {
  readonly port: number;
  readonly #dir: string;
  readonly #flags: readonly string[];
  #process: ChildProcess | undefined;

  private constructor(port: number, dir: string, flags: readonly string[]) {
    this.port = port;
    this.#dir = dir;
    this.#flags = flags;
  }

  /** @param flags as for redis-server; what is written is in an append-only file, so that it may stop and start */
  static async start(flags: readonly string[] = []): Promise<RedisServer> {
    const dir = await mkdtemp(path.join(tmpdir(), "vqkit-redis-"));
    const server = new RedisServer(await freePort(), dir, flags);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const own = ["--dir", this.#dir, "--save", "", "--appendonly", "yes", "--appendfsync", "everysec"];
    const flags = ["--port", String(this.port), "--bind", "127.0.0.1", ...own, ...this.#flags];
    this.#process = spawn("redis-server", flags, { stdio: "ignore" });
    for (let tries = 0; tries < 200 && !(await this.#answers()); tries++) await sleep(25);
  }

  /** Ends it: with SIGKILL as a power cut does, otherwise in order. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process === undefined) return;
    const ended = new Promise((done) => process.once("exit", done));
    process.kill(signal);
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop("SIGKILL");
    await rm(this.#dir, { recursive: true, force: true });
  }

  /** A connection, to look at what stands there. */
  client(): Redis {
    return new Redis(this.port, { maxRetriesPerRequest: null });
  }

  async #answers(): Promise<boolean> {
    return new Promise((done) => {
      const socket = connect(this.#portAsked, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        done(true);
      });
      socket.once("error", () => done(false));
    });
  }

  /** With TLS alone the other port is 0. */
  get #portAsked(): number {
    const at = this.#flags.indexOf("--tls-port");
    return at < 0 ? this.port : Number(this.#flags[at + 1]);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}
