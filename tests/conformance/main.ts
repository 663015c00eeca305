import { environmentName, jasmine } from "./environment.js";
import "@tensorflow/tfjs-core/dist/tests.js";
import * as kernelNames from "@tensorflow/tfjs-core/dist/kernel_names.js";
import { engine, getKernelsForBackend } from "../../src/tf/index.js";
import { render, report, type SpecOutcome } from "./results.js";

/** Jasmine names a spec "<suite> <environment> {flags} <spec>"; the middle is the same everywhere. */
function specName(fullName: string): string {
  return fullName.replace(` ${environmentName} {}`, "").replace(/\s+/g, " ");
}

/** Notes which kernels are called, whoever calls them. */
function watchKernels(): { called: Set<string> } {
  const watch = { called: new Set<string>() };
  const tfjs = engine();
  const original = tfjs.runKernel;
  tfjs.runKernel = function (name, ...rest) {
    watch.called.add(name);
    return original.call(this, name, ...rest) as never;
  };
  return watch;
}

async function run(filter: string | undefined): Promise<SpecOutcome[]> {
  const env = jasmine.getEnv();
  const watch = watchKernels();
  const outcomes: SpecOutcome[] = [];
  env.configure({
    random: false,
    ...(filter === undefined ? {} : { specFilter: (spec) => specName(spec.getFullName()).includes(filter) }),
  });
  env.addReporter({
    specStarted: () => {
      watch.called = new Set();
    },
    specDone: ({ fullName, status, failedExpectations }) => {
      if (status === "excluded") return;
      const message = failedExpectations.map((failure) => failure.message.replace(/\s+/g, " ")).join(" | ");
      outcomes.push({ spec: specName(fullName), status, kernels: watch.called, message });
    },
  });
  await env.execute();
  return outcomes;
}

const options = process.argv.slice(2);
const filter = options.includes("--filter") ? options[options.indexOf("--filter") + 1] : undefined;
// Specs provoke warnings and print progress; standard output is for the report.
console.log = () => undefined;
console.warn = () => undefined;

const start = performance.now();
const outcomes = await run(filter);
const known = [...new Set(Object.values(kernelNames))].filter((name) => typeof name === "string");
const registered = new Set(getKernelsForBackend(environmentName).map(({ kernelName }) => kernelName));
const result = report(outcomes, known, registered);
const seconds = (performance.now() - start) / 1000;
process.stdout.write(`${options.includes("--json") ? JSON.stringify(result) : render(result, seconds)}\n`);
// With a filter most kernels are not called, which is no failure.
process.exitCode = (filter === undefined ? result.failures.length : result.failed) === 0 ? 0 : 1;
