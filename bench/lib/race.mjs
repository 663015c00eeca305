import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const bench = dirname(dirname(fileURLToPath(import.meta.url)));

/** The interpreter that has PyTorch; the operating system's own unless VQKIT_PEER_PYTHON names another. */
const python = process.env.VQKIT_PEER_PYTHON ?? "/usr/bin/python3";

/** What to say where the peer cannot run. */
export const peerMissing = "peer missing: PyTorch (apt-get install python3-torch libopenblas0-pthread)";

/**
 * OpenBLAS picks its kernels by processor unless these name another one, which a shell may do for other work. The peer
 * is to run at its best. __pycache__ is not to appear in the repository.
 */
function peerEnvironment() {
  const { OPENBLAS_CORETYPE: _, OPENBLAS_L2_SIZE: __, ...rest } = process.env;
  return { ...rest, PYTHONDONTWRITEBYTECODE: "1" };
}

/** Whether PyTorch can be imported. */
export function peerIsInstalled() {
  return spawnSync(python, ["-c", "import torch"], { env: peerEnvironment(), stdio: "ignore" }).status === 0;
}

/**
 * Runs both sides of a benchmark round by round, each side in a process of its own, starting with another side in each
 * round, so that a machine that slows down or speeds up meets all sides alike.
 *
 * @param benchmark an entry of `benchmarks`
 * @param {{ rounds: number, repeats?: number, threads: number, withPeers: boolean, progress: (line: string) => void }} options
 * @returns a list of sides, ours first: { name, rounds: result[] }; a result is { measures, facts }
 */
export function race(benchmark, options) {
  const { rounds, threads, withPeers, progress } = options;
  const common = ["--threads", String(threads), "--repeats", String(options.repeats ?? benchmark.repeats)];
  const sides = [
    { name: "vqkit", run: () => runOurs(benchmark.ours, common), rounds: [] },
    ...(withPeers ? benchmark.peers : []).map((peer) => ({
      name: peer.name,
      run: () => runPeer(peer, common),
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

function runPeer({ script, args }, common) {
  return runForResult(python, [join(bench, "peers", script), ...args, ...common], peerEnvironment());
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
