import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const bench = dirname(dirname(fileURLToPath(import.meta.url)));

/** The interpreter that has PyTorch; the operating system's own unless VQKIT_PEER_PYTHON names another. */
const python = process.env.VQKIT_PEER_PYTHON ?? "/usr/bin/python3";

/**
 * OpenBLAS picks its kernels by processor unless these name another one, which a shell may do for other work. The peer
 * is to run at its best. __pycache__ is not to appear in the repository.
 */
function peerEnvironment() {
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...rest } = process.env;
  return { ...rest, PYTHONDONTWRITEBYTECODE: "1" };
}

/** What peers run in: how to get it, whether it is there, and how it runs a script. */
const runtimes = {
  PyTorch: {
    hint: "apt-get install python3-torch libopenblas0-pthread",
    isInstalled: () => succeeds(python, ["-c", "import torch"], peerEnvironment()),
    run: ({ script, args }, common) =>
      runForResult(python, [join(bench, "peers", script), ...args, ...common], peerEnvironment()),
  },
  vqkit: { hint: "npm ci", isInstalled: () => true, run: runOurs },
  "tfjs-node": {
    hint: "node tools/build-tfjs-node.mjs",
    isInstalled: () => succeeds(process.execPath, [join(bench, "ours/has-tensorflow.mjs")], process.env),
    run: runOurs,
  },
};

function succeeds(program, args, env) {
  return spawnSync(program, args, { env, stdio: "ignore" }).status === 0;
}

function runtimeOf(peer) {
  return peer.runtime ?? "PyTorch";
}

/** What to say where peers of these benchmarks cannot run: a text by the runtime's name. */
export function missingRuntimes(benchmarks) {
  const names = new Set(benchmarks.flatMap(({ peers }) => peers.map(runtimeOf)));
  const missing = [...names].filter((name) => !runtimes[name].isInstalled());
  return new Map(missing.map((name) => [name, `peer missing: ${name} (${runtimes[name].hint})`]));
}

/** The peers of a benchmark that are raced on a device; without any, it is not a benchmark of that device. */
export function peersOn({ peers }, device) {
  const kind = device === "cpu" ? "cpu" : "gpu";
  return peers.filter(({ on = kind }) => on === kind);
}

/** What a row says whose benchmark raced no peer. */
export function reasonWithoutPeers({ peers }, missing) {
  return peers.length === 0 ? "has no peer" : missing.get(runtimeOf(peers[0]));
}

/**
 * Runs both sides of a benchmark round by round, each side in a process of its own, starting with another side in each
 * round, so that a machine that slows down or speeds up meets all sides alike.
 *
 * @param benchmark an entry of `benchmarks`
 * @param {{ rounds: number, repeats?: number, threads: number, device: string, peer: string, missing: Map<string, string>, progress: (line: string) => void }} options
 * @returns a list of sides, ours first: { name, rounds: result[] }; a result is { measures, facts }
 */
export function race(benchmark, options) {
  const { rounds, threads, device, missing, progress } = options;
  const peers = peersOn(benchmark, device).filter(
    (peer) => !missing.has(runtimeOf(peer)) && peer.name.includes(options.peer),
  );
  const given = ["--threads", String(threads), "--repeats", String(options.repeats ?? benchmark.repeats)];
  if (options.batch !== undefined) given.push("--batch", String(options.batch));
  const common = [...given, "--device", device];
  // PyTorch has one name for NVIDIA's cards, whatever ours computes through.
  const peerCommon = [...given, "--device", device === "cpu" ? "cpu" : "cuda"];
  const sides = [
    { name: "vqkit", run: () => runOurs(benchmark.ours, common), rounds: [] },
    ...peers.map((peer) => ({
      name: peer.name,
      run: () => runtimes[runtimeOf(peer)].run(peer, peerCommon),
      rounds: [],
    })),
  ];
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < sides.length; turn++) {
      const side = sides[(round + turn) % sides.length];
      progress(`round ${round + 1} of ${rounds}: ${side.name}`);
      side.rounds.push(side.run());
    }
  }
  for (const side of sides) checkSameWork(sides[0], side);
  return sides;
}

function runOurs({ script, args }, common) {
  const command = ["--expose-gc", join(bench, "ours", script), ...args, ...common];
  return runForResult(process.execPath, command, process.env);
}

/** Runs a program and parses the last line of its standard output. */
function runForResult(program, args, env) {
  const child = spawnSync(program, args, { env, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
  if (child.error) throw child.error;
  if (child.status !== 0) throw new Error(`${args.join(" ")}: ended with ${child.signal ?? child.status}.`);
  return JSON.parse(child.stdout.trimEnd().split("\n").at(-1));
}

/** A race between different models would mean nothing: every fact but the runtime's name must be the same. */
function checkSameWork(ours, peer) {
  const { runtime: _, ...expected } = ours.rounds[0].facts;
  for (const { facts } of peer.rounds) {
    for (const [name, value] of Object.entries(expected)) {
      if (facts[name] === value) continue;
      throw new Error(
        `${name}: vqkit has ${value}, ${peer.name} has ${facts[name]}; the two sides must do the same work.`,
      );
    }
  }
}
