import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import type { Command } from "commander";
import type { DeviceName, DeviceStatus, EngineStatus } from "../../src/backend/index.js";
import { shellQuoted } from "../../src/core/shell.js";
import { engineOptions } from "../engine-options.js";
import { UsageError } from "../errors.js";
import type { Speed } from "../speed-check.js";
import { note, print, printJson, type Terminal } from "../terminal.js";
import { integer } from "../values.js";

interface Flags {
  readonly device?: string;
  readonly threads?: number;
  readonly json?: boolean;
}

/** What a machine has for vqkit to run on. */
interface Findings {
  readonly versions: Readonly<Record<string, string>>;
  readonly platform: {
    readonly os: string;
    readonly cpu: string;
    readonly cores: number;
    readonly memoryGb: number;
  };
  readonly threads: number;
  readonly engines: readonly EngineStatus[];
  /** What `--device` can be, and whether it can be used here. */
  readonly devices: readonly DeviceStatus[];
  /** Execution providers of the installed ONNX Runtime. */
  readonly providers: readonly string[];
  /** The device that the speed was measured on. */
  readonly device: DeviceName;
  readonly speed: Speed;
}

export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command("doctor")
    .description(
      "show what this machine offers, or look for what went wrong in a run (exit code 0 whatever is found)",
    )
    .argument("[run]", "run folder to diagnose, also of a training under way; without one, this machine")
    .option("--device <name>", "cpu, webgpu or cuda for the speed check (default: cpu)")
    .option("--threads <n>", "threads for the speed check (default: one a processor)", integer)
    .option("--json", "print the findings as JSON on stdout")
    .action(async (run: string | undefined, flags: Flags) => {
      if (run === undefined) await examineMachine(terminal, flags);
      else await examineRun(terminal, run, flags);
    });
}

async function examineMachine(terminal: Terminal, { json = false, ...flags }: Flags): Promise<void> {
  const { device = "cpu", threads = availableParallelism() } = engineOptions(flags);
  note(terminal, "Measuring speed for about two seconds ...", { quiet: json });
  const findings = await examine(device, threads);
  if (json) printJson(terminal, findings);
  else print(terminal, render(findings));
}

async function examineRun(terminal: Terminal, dir: string, flags: Flags): Promise<void> {
  for (const name of ["device", "threads"] as const) {
    if (flags[name] === undefined) continue;
    throw new UsageError(
      `--${name}: expected only without a run, whose diagnosis measures no speed. Remove it.`,
    );
  }
  const { diagnose, readDiagnosisRecord, renderDiagnosis } = await import("../../src/reports/index.js");
  const { RunFolder } = await import("../../src/runs/index.js");
  const run = await RunFolder.open(dir);
  if (await run.isModelAlone()) {
    throw new UsageError(
      `${dir}: expected a run that was trained here, got a model alone, imported or pruned. Type: vqkit evaluate ${shellQuoted(dir)} IMAGES`,
    );
  }
  const record = await readDiagnosisRecord(run);
  const diagnosis = diagnose(record);
  if (flags.json === true) {
    const { lastStep, plannedSteps } = record;
    printJson(terminal, { run: dir, lastStep, plannedSteps, ...diagnosis });
  } else print(terminal, renderDiagnosis(diagnosis));
}

async function examine(device: DeviceName, threads: number): Promise<Findings> {
  const { deviceStatuses, engineStatuses, executionProviders } = await import("../../src/backend/index.js");
  const { checkSpeed } = await import("../speed-check.js");
  // Measured before other engines are loaded, which may start threads of their own.
  const speed = await checkSpeed({ engine: "onnxruntime", device, threads });
  const engines = await engineStatuses();
  return {
    versions: await versions(engines),
    platform: {
      os: `${process.platform} ${process.arch}`,
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      memoryGb: Math.round(totalmem() / 2 ** 30),
    },
    threads,
    engines,
    devices: await deviceStatuses(),
    providers: (await executionProviders()).map(({ name, bundled }) =>
      bundled ? name : `${name} (not included)`,
    ),
    device,
    speed,
  };
}

async function versions(engines: readonly EngineStatus[]): Promise<Record<string, string>> {
  const [tf, { default: sharp }] = await Promise.all([import("../../src/tf/index.js"), import("sharp")]);
  const require = createRequire(import.meta.url);
  const versionOf = (name: string) => (require(`${name}/package.json`) as { version: string }).version;
  return {
    vqkit: versionOf("vqkit"),
    node: process.versions.node,
    tfjs: tf.version_core,
    onnxruntime: engines.find(({ name }) => name === "onnxruntime")?.version ?? "none",
    sharp: sharp.versions.sharp ?? "unknown",
    libvips: sharp.versions.vips,
  };
}

function render(findings: Findings): string {
  const { versions, platform, threads, engines, devices, providers, device, speed } = findings;
  const { os, cpu, cores, memoryGb } = platform;
  const engineLines = engines.map(({ name, usable, version, reason }) =>
    usable
      ? `  ${name}: usable, version ${version}`
      : `  ${name}: not usable. ${withoutPrefix(reason ?? "")}`,
  );
  const deviceLines = devices.map(({ name, usable, adapter, reason }) =>
    usable
      ? `  ${name}: usable${adapter === null ? "" : `, ${adapter}`}`
      : `  ${name}: not usable. ${withoutPrefix(reason ?? "")}`,
  );
  const { matrixProductGflops, convolutionGflops, trainingImagesPerSecond } = speed;
  return [
    `versions   ${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}`,
    `machine    ${os}, ${cpu}, ${cores} processors, ${memoryGb} GB`,
    "engines",
    ...engineLines,
    "devices",
    ...deviceLines,
    `providers  ${providers.join(", ")} (of ONNX Runtime)`,
    `speed      with onnxruntime on ${device === "cpu" ? "" : `${device}, `}${threads} threads`,
    `  matrix product 1024³          ${matrixProductGflops.toFixed(0)} GFLOP/s`,
    `  convolution 3×3, 64 channels  ${convolutionGflops.toFixed(0)} GFLOP/s`,
    `  training, preset tiny         ${trainingImagesPerSecond.toFixed(0)} images/s (64×64, forward and backward)`,
  ].join("\n");
}

/** The reason without `Engine "tensorflow" is not usable:` or `Device …`, which the line says already. */
function withoutPrefix(reason: string): string {
  const text = reason.replace(/^(Engine|Device) "\w+" is not usable: /, "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
