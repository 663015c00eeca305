// How time and memory grow, as a table: `npm run bench:growth [-- --repeats 3]`. Each point is a process of its own.
import { spawnSync } from "node:child_process";
import { loadavg } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { median } from "./lib/compare.mjs";

const ours = join(dirname(fileURLToPath(import.meta.url)), "ours");
const { values } = parseArgs({ options: { repeats: { type: "string", default: "3" } } });

/** A training step of the preset "small" but for the named flag, and the exponent that its arithmetic has. */
const training = (title, flag, points, more) => ({
  ...{ title, flag, points, unit: "training step" },
  script: "autoencoder.mjs",
  args: ["--mode", "train", "--batch", "4", "--side", "64", "--width", "64"],
  ...more,
});
/** Forward and backward through `vq` alone, with 8,192 vectors. */
const quantizer = (title, flag, points, more) => ({
  ...{ title, flag, points, unit: "quantizer" },
  script: "quantizers.mjs",
  args: ["--kind", "vq", "--size", "8192", "--dim", "64"],
  ...more,
});

const axes = [
  training("batch", "--batch", [4, 8, 16, 32], { exponent: 1 }),
  training("image side", "--side", [32, 64, 128], { exponent: 2 }),
  training("width", "--width", [16, 32, 64, 128], { exponent: 2 }),
  quantizer("K", "--size", [1024, 8192, 65_536], { exponent: 1 }),
  quantizer("D", "--dim", [16, 64, 256], { exponent: 1 }),
];

/** Seconds of a call and peak memory in MB over what was there before the first. */
function measure({ script, args, flag }, value, threads) {
  const at = args.indexOf(flag);
  const given = args.with(at + 1, String(value));
  const common = ["--threads", String(threads), "--repeats", values.repeats];
  const { status, stdout } = spawnSync(process.execPath, [join(ours, script), ...given, ...common], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${script} ${given.join(" ")}: exit code ${status}.`);
  const { measures, facts } = JSON.parse(stdout.trim().split("\n").at(-1));
  const times = measures.time?.map((ms) => ms / 1e3) ?? measures.speed.map((speed) => facts.batch / speed);
  return { seconds: median(times), megabytes: measures.memory?.[0] ?? Number.NaN };
}

/** The slope of a straight line through the logarithms, by least squares. */
function exponentOf(xs, ys) {
  const [a, b] = [xs, ys].map((list) => list.map(Math.log));
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [ma, mb] = [mean(a), mean(b)];
  const covariance = a.reduce((sum, value, i) => sum + (value - ma) * (b[i] - mb), 0);
  return covariance / a.reduce((sum, value) => sum + (value - ma) ** 2, 0);
}

const figure = (value) => String(Number(value.toPrecision(3)));

console.log(`load average at the start: ${loadavg()[0].toFixed(1)}; repeats: ${values.repeats}\n`);
console.log("| of | by | threads | values | ms | exponent (of the arithmetic) | MB | exponent |");
console.log("|---|---|---|---|---|---|---|---|");
for (const axis of axes) {
  for (const threads of [1, 2]) {
    const found = axis.points.map((value) => measure(axis, value, threads));
    const [times, sizes] = [found.map(({ seconds }) => seconds), found.map(({ megabytes }) => megabytes)];
    const cells = [axis.unit, axis.title, threads, axis.points.join(", ")];
    cells.push(times.map((seconds) => figure(1e3 * seconds)).join(", "));
    cells.push(`${exponentOf(axis.points, times).toFixed(2)} (${axis.exponent})`);
    cells.push(sizes.map(figure).join(", "), exponentOf(axis.points, sizes).toFixed(2));
    console.log(`| ${cells.join(" | ")} |`);
  }
}
