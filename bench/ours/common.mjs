// What our sides of the races share: engine, timing, memory, and the one JSON line that bench/run.mjs reads. The
// counterpart of bench/peers/common.py.
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { selectEngine } from "../../dist/src/backend/index.js";
import { Random } from "../../dist/src/core/random.js";
import * as tf from "../../dist/src/tf/index.js";

/** Parses --NAME for each option; its default gives the type. `threads`, `repeats` and `device` are always there. */
export function readArguments(options) {
  const defaults = { threads: 2, repeats: 10, device: "cpu", ...options };
  const flags = Object.fromEntries(Object.keys(defaults).map((name) => [name, { type: "string" }]));
  const { values } = parseArgs({ options: flags });
  return Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => {
      const given = values[name] ?? value;
      return [name, typeof value === "number" ? Number(given) : given];
    }),
  );
}

/** Selects an engine and returns its name for the table. */
export async function startEngine({ threads, device, engine: name = "auto" }) {
  const engine = await selectEngine({ engine: name, threads, device });
  const where =
    device === "cpu" ? `${engine.threads} threads` : `${device}, ${engine.adapter ?? "unknown adapter"}`;
  return `vqkit on ${engine.name} ${engine.version}, ${where}`;
}

/** A float32 tensor of draws from a stream of its own. */
export function randomTensor(shape, label, draw) {
  const random = new Random(0, "bench", label);
  return tf.tensor(random.fill(tf.util.sizeFromShape(shape), draw), shape);
}

/** Seconds of each of `repeats` awaited calls, after `warmup` calls that do not count. */
export async function secondsOf(call, { repeats, warmup }) {
  const durations = [];
  for (let index = 0; index < warmup + repeats; index++) {
    const start = performance.now();
    await call(index);
    durations.push((performance.now() - start) / 1e3);
  }
  return durations.slice(warmup);
}

/** Peak resident memory from its creation on, over what was resident then, in MB, at least 1; undefined without Linux's /proc. */
export class PeakMemory {
  #start;

  constructor() {
    globalThis.gc?.();
    try {
      writeFileSync("/proc/self/clear_refs", "5"); // sets the peak back to the present size
      this.#start = status("VmRSS");
    } catch {
      this.#start = undefined;
    }
  }

  megabytes() {
    return this.#start === undefined ? undefined : Math.max(1, (status("VmHWM") - this.#start) / 1024);
  }

  /** The peak itself, with all that the process held before, in MB. */
  resident() {
    return this.#start === undefined ? undefined : status("VmHWM") / 1024;
  }
}

/**
 * What a GPU's memory holds more at the end than at its creation, in MB: by the driver's count, of all programs, so that
 * allocators of any kind are compared. They keep what they once took, so the end is the peak. undefined for the CPU and
 * where the card's maker gives no nvidia-smi.
 */
export class DeviceMemory {
  #start;

  constructor(device) {
    this.#start = device === "cpu" ? undefined : usedMegabytes();
  }

  megabytes() {
    return this.#start === undefined ? undefined : Math.max(1, usedMegabytes() - this.#start);
  }
}

function usedMegabytes() {
  try {
    const query = ["--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"];
    return Number(
      execFileSync("nvidia-smi", query, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
    );
  } catch {
    return undefined;
  }
}

function status(field) {
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync("/proc/self/status", "utf8"))?.[1]);
}

/** The number of trainable numbers. */
export function countOf(variables) {
  return [...variables.values()].reduce((sum, { size }) => sum + size, 0);
}

/**
 * Prints the result.
 *
 * @param measures lists of numbers by measure; a list with an undefined entry is left out
 * @param facts must be equal on both sides, except `runtime`
 */
export function report(measures, facts) {
  const known = Object.entries(measures).filter(([, values]) => !values.includes(undefined));
  console.log(JSON.stringify({ measures: Object.fromEntries(known), facts }));
}
