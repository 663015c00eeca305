// Races vqkit against its peers: `npm run bench -- [NAME...] [--json] [--rounds N]`. See bench/RESULTS.md.
import { readFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { deviceNames } from "../dist/src/backend/index.js";
import { unknownName } from "../dist/src/core/suggest.js";
import { benchmarks } from "./lib/benchmarks.mjs";
import { compare, summarize } from "./lib/compare.mjs";
import { busyShare } from "./lib/idle.mjs";
import { missingRuntimes, peersOn, race, reasonWithoutPeers } from "./lib/race.mjs";

const usage = `Usage: npm run bench -- [NAME...] [options]

Each NAME is one of these; without any, all of them:
${Object.entries(benchmarks)
  .map(([name, { title }]) => `  ${name.padEnd(20)}${title}`)
  .join("\n")}

Options:
  --rounds N    processes of each side, taking turns (default 3, the least to rely on)
  --repeats N   measured calls in each process (default: the benchmark's own)
  --threads N   threads of each side (default 2)
  --device D    cpu, webgpu or cuda; PyTorch then takes its CUDA device (default cpu)
  --batch N     images in a batch (default: the benchmark's own)
  --peer TEXT   only peers with TEXT in their names
  --json        one JSON object a benchmark on standard output, in place of the table: its first measure against its
                first peer, and every row under "rows"
  --help`;

/** The exit code of wrong usage, as in the vqkit command. */
const wrongUsage = 2;

class UsageError extends Error {}

function positiveInteger(options, name) {
  const text = options[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new UsageError(`--${name}: expected an integer >= 1, got ${text}.`);
}

function deviceOf(name) {
  if (deviceNames.includes(name)) return name;
  throw new UsageError(unknownName("device", name, deviceNames));
}

function parse() {
  const string = { type: "string" };
  const boolean = { type: "boolean", default: false };
  const options = {
    rounds: string,
    repeats: string,
    threads: string,
    device: string,
    batch: string,
    peer: string,
    json: boolean,
    help: boolean,
  };
  let parsed;
  try {
    parsed = parseArgs({ options, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error.message);
  }
  const { values, positionals } = parsed;
  const device = deviceOf(values.device ?? "cpu");
  const batch = positiveInteger(values, "batch");
  const fits = (name) => peersOn(benchmarks[name], device).length > 0;
  const names = positionals.length === 0 ? Object.keys(benchmarks).filter(fits) : positionals;
  for (const name of names) {
    if (!Object.hasOwn(benchmarks, name)) {
      throw new UsageError(unknownName("benchmark", name, Object.keys(benchmarks)));
    }
    if (!fits(name)) throw new UsageError(`${name}: expected --device cpu, got ${device}.`);
    if (batch !== undefined && !benchmarks[name].hasBatches) {
      throw new UsageError(`${name}: expected no --batch, got ${batch}.`);
    }
  }
  return {
    names,
    json: values.json,
    help: values.help,
    rounds: positiveInteger(values, "rounds") ?? 3,
    repeats: positiveInteger(values, "repeats"),
    threads: positiveInteger(values, "threads") ?? 2,
    batch,
    device,
    peer: values.peer ?? "",
  };
}

/** One row per peer and measure; with no peer, one per measure that says so. */
function rowsOf(name, [ours, ...peers], missing) {
  return benchmarks[name].measures.flatMap(({ key, unit, better }) => {
    const samples = (side) => side.rounds.map(({ measures }) => measures[key]);
    if (samples(ours).includes(undefined)) return [];
    const own = summarize(samples(ours), better);
    const row = {
      name: `${name}/${key}`,
      ours: own.median,
      oursBest: own.best,
      unit,
      rounds: ours.rounds.length,
    };
    const oursRuntime = ours.rounds[0].facts.runtime;
    if (peers.length === 0) {
      const note = reasonWithoutPeers(benchmarks[name], missing);
      return [{ ...row, peer: null, ratio: null, spread: null, oursRuntime, note }];
    }
    return peers.map((peer) => {
      const other = summarize(samples(peer), better);
      const figures = {
        peer: other.median,
        peerBest: other.best,
        ...compare(samples(ours), samples(peer), better),
      };
      return {
        ...row,
        ...figures,
        peerName: peer.name,
        oursRuntime,
        peerRuntime: peer.rounds[0].facts.runtime,
      };
    });
  });
}

/** Three significant digits, thousands whole. */
function figure(value) {
  return value >= 1000 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

function tableLine(row) {
  const cells = [row.name, row.unit, `${figure(row.ours)} (${figure(row.oursBest)})`];
  if (row.ratio === null) return `| ${[...cells, row.note, "–", "–"].join(" | ")} |`;
  const ratio = `${row.ratio.toFixed(2)} (${row.spread.map((r) => r.toFixed(2)).join("–")})`;
  return `| ${[...cells, row.peerName, `${figure(row.peer)} (${figure(row.peerBest)})`, ratio].join(" | ")} |`;
}

function conditions(options, rows) {
  const processor = cpus();
  const runtimes = new Set(rows.flatMap((row) => [row.oursRuntime, row.peerRuntime ?? []].flat()));
  return [
    `${processor.length} × ${processor[0]?.model.trim() ?? "unknown processor"}; Node ${process.versions.node}`,
    ...runtimes,
    `rounds: ${options.rounds}, sides taking turns; threads: ${options.threads};${options.batch === undefined ? "" : ` batch: ${options.batch};`} other programs used ${Math.round(100 * options.busy)} % of the processors at the start`,
    ...(options.rounds < 3 ? ["fewer than three rounds: not for the record"] : []),
    ...(options.busy > 0.05 ? ["the machine was not idle: not for the record"] : []),
  ];
}

function main() {
  const given = parse();
  if (given.help) {
    console.log(usage);
    return;
  }
  const options = { ...given, busy: busyShare() };
  const missing = missingRuntimes(options.names.map((name) => benchmarks[name]));
  for (const text of missing.values()) console.error(text);
  const rows = [];
  for (const name of options.names) {
    const progress = (line) => console.error(`${name}: ${line}`);
    const found = rowsOf(name, race(benchmarks[name], { ...options, missing, progress }), missing);
    rows.push(...found);
    if (options.json) console.log(JSON.stringify({ ...found[0], name, rows: found }));
  }
  if (options.json) return;
  const version = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")).version;
  console.log(
    `vqkit ${version}. Medians, in brackets the best; a ratio above 1 means that vqkit is ahead.\n`,
  );
  for (const line of conditions(options, rows)) console.log(`- ${line}`);
  console.log("\n| benchmark | unit | vqkit | peer | peer's figure | ratio (range over rounds) |");
  console.log("|---|---|---|---|---|---|");
  for (const row of rows) console.log(tableLine(row));
}

try {
  main();
} catch (error) {
  console.error(
    error instanceof UsageError ? `${error.message} See npm run bench -- --help.` : error.message,
  );
  process.exitCode = error instanceof UsageError ? wrongUsage : 1;
}
