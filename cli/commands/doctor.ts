import { createRequire } from "node:module";
import { availableParallelism, cpus, totalmem } from "node:os";
import type { Command } from "commander";
import type { EngineStatus } from "../../src/index.js";
import { engineOptions } from "../engine-options.js";
import type { Speed } from "../speed-check.js";
import { note, print, printJson, type Terminal } from "../terminal.js";
import { integer } from "../values.js";

interface Flags {
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
  /** Execution providers of the installed ONNX Runtime; vqkit computes on "cpu". */
  readonly providers: readonly string[];
  readonly speed: Speed;
}

export function addDoctor(program: Command, terminal: Terminal): void {
  program
    .command("doctor")
    .description("show what this machine offers: engines, versions, threads, speed")
    .option("--threads <n>", "threads for the speed check (default: one a processor)", integer)
    .option("--json", "print the findings as JSON on stdout")
    .action(async ({ threads = availableParallelism(), json = false }: Flags) => {
      engineOptions({ threads });
      note(terminal, "Measuring speed for about two seconds ...", { quiet: json });
      const findings = await examine(threads);
      if (json) printJson(terminal, findings);
      else print(terminal, render(findings));
    });
}

async function examine(threads: number): Promise<Findings> {
  const { engineStatuses, executionProviders } = await import("../../src/index.js");
  const { checkSpeed } = await import("../speed-check.js");
  // Measured before other engines are loaded, which may start threads of their own.
  const speed = await checkSpeed({ engine: "onnxruntime", threads });
  return {
    versions: await versions(),
    platform: {
      os: `${process.platform} ${process.arch}`,
      cpu: cpus()[0]?.model.trim() ?? "unknown",
      cores: availableParallelism(),
      memoryGb: Math.round(totalmem() / 2 ** 30),
    },
    threads,
    engines: await engineStatuses(),
    providers: (await executionProviders()).map(({ name, bundled }) =>
      bundled ? name : `${name} (not included)`,
    ),
    speed,
  };
}

async function versions(): Promise<Record<string, string>> {
  const [tf, { default: sharp }] = await Promise.all([import("@tensorflow/tfjs"), import("sharp")]);
  const require = createRequire(import.meta.url);
  const versionOf = (name: string) => (require(`${name}/package.json`) as { version: string }).version;
  return {
    vqkit: versionOf("vqkit"),
    node: process.versions.node,
    tfjs: tf.version.tfjs,
    onnxruntime: versionOf("onnxruntime-node"),
    sharp: sharp.versions.sharp ?? "unknown",
    libvips: sharp.versions.vips,
  };
}

function render({ versions, platform, threads, engines, providers, speed }: Findings): string {
  const { os, cpu, cores, memoryGb } = platform;
  const engineLines = engines.map(({ name, usable, version, reason }) =>
    usable
      ? `  ${name}: usable, version ${version}`
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
    `providers  ${providers.join(", ")} (of ONNX Runtime; vqkit computes on cpu)`,
    `speed      with onnxruntime on ${threads} threads`,
    `  matrix product 1024³          ${matrixProductGflops.toFixed(0)} GFLOP/s`,
    `  convolution 3×3, 64 channels  ${convolutionGflops.toFixed(0)} GFLOP/s`,
    `  training, preset tiny         ${trainingImagesPerSecond.toFixed(0)} images/s (64×64, forward and backward)`,
  ].join("\n");
}

/** The reason without `Engine "tensorflow" is not usable:`, which the line says already. */
function withoutPrefix(reason: string): string {
  const text = reason.replace(/^Engine "\w+" is not usable: /, "");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
