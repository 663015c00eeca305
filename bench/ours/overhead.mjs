// What a training step costs beyond ONNX Runtime's own time: recording, finding the graph, feeding it, and handing the
// results out. ONNX Runtime's profiler says how long each run took; the rest of the step is ours. The model is that of
// train-step with two channels, in batches of two: as many operations, next to no arithmetic.
// usage: overhead.mjs [--mode repeated|recorded] [--threads 2] [--repeats 60]
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { backendName, RecordedFunction, registerOnnxBackend } from "../../dist/src/backend/index.js";
import * as tf from "../../dist/src/tf/index.js";
import { countOf, randomTensor, readArguments, report, secondsOf } from "./common.mjs";
import { trainable } from "./training-step.mjs";

const options = readArguments({ mode: "repeated", repeats: 60 });
const folder = mkdtempSync(join(tmpdir(), "vqkit-overhead-"));
try {
  const sessionOptions = { enableProfiling: true, profileFilePrefix: join(folder, "run") };
  registerOnnxBackend({ threads: options.threads, sessionOptions });
  await tf.setBackend(backendName);
  tf.enableProdMode();
  const { call, parameters } = trainingStep();
  const seconds = await secondsOf(call, { repeats: options.repeats, warmup: 5 });
  tf.removeBackend(backendName); // ends the sessions, which write their profiles then
  const { runs, nodes } = await lastProfile();
  const own = runs.slice(-options.repeats);
  const overhead = seconds.map((value, i) => 1e3 * value - own[i]);
  report(
    { overhead },
    { parameters, nodes, runtime: `vqkit, ${options.mode} steps, ${options.threads} threads` },
  );
} finally {
  rmSync(folder, { recursive: true });
}

function trainingStep() {
  const { variables, step, scalars } = trainable({ width: 2, codebookSize: 16 });
  const pixels = randomTensor([2, 16, 16, 3], "pixels", (random) => random.uniform(-1, 1));
  const repeated = new RecordedFunction(step);
  const compute = {
    repeated: (inputs) => repeated.call(inputs),
    recorded: async (inputs) => tf.tidy(() => step(inputs)),
  }[options.mode];
  async function call(index) {
    const changing = scalars(index);
    const { loss } = await compute({ pixels, ...changing });
    await loss.data();
    tf.dispose([loss, changing]);
  }
  return { call, parameters: countOf(variables) };
}

/** Milliseconds of each run of the session that ran most, and the operators that one run executes. */
async function lastProfile() {
  await new Promise((resolve) => setTimeout(resolve, 500)); // sessions are released in the background
  const profiles = readdirSync(folder).map((file) => {
    const events = JSON.parse(readFileSync(join(folder, file), "utf8"));
    const runs = events.filter(({ name }) => name === "model_run").map(({ dur }) => dur / 1e3);
    const kernels = events.filter(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"));
    return { runs, nodes: Math.round(kernels.length / Math.max(1, runs.length)) };
  });
  const [most] = profiles.sort((a, b) => b.runs.length - a.runs.length);
  if (most === undefined || most.runs.length < options.repeats) {
    throw new Error(`expected a profile of ${options.repeats} runs, got ${most?.runs.length ?? 0}.`);
  }
  return most;
}
