import { spawn } from "node:child_process";
import { GraphBuilder } from "./onnx/graph-builder.js";
import { Value } from "./onnx/value.js";
import { runtimeEntry } from "./runtime-package.js";

/** What came of computing on a device. */
export interface ProbeOutcome {
  /** Null when the device computed the right values. */
  readonly error: string | null;
  /** Which GPU it is, where the driver tells. */
  readonly adapter: string | null;
  /** Everything that drivers and libraries wrote meanwhile. */
  readonly output: string;
}

/** Drivers may take long to start for the first time, and may never answer. */
const timeLimitMs = 60_000;

/**
 * Computes a small graph on a device in a process of its own: native libraries print there what would otherwise stand
 * on the user's terminal, and a driver that crashes takes nothing with it.
 *
 * @param provider ONNX Runtime's name of an execution provider
 */
export async function probe(provider: string): Promise<ProbeOutcome> {
  const entry = runtimeEntry();
  const { answer, failure, output } = await ask({ entry, provider, model: probeModel() });
  const adapter = adapterIn(output);
  if (answer === undefined) return { error: failure ?? "it gave no answer", adapter, output };
  const { values, error = null } = answer;
  const isRight = values === undefined || values.join() === expected.join();
  return { error: isRight ? error : `it computed ${values} in place of ${expected}`, adapter, output };
}

/** What the other process is asked. */
interface Question {
  readonly entry: string;
  readonly provider: string;
  readonly model: Uint8Array;
}

/** What it answers: one of the two. */
interface Answer {
  readonly values?: readonly number[];
  readonly error?: string;
}

/** [[1, 2, 3], [4, 5, 6]] times its transpose. */
const expected = [14, 32, 32, 77];

/** CommonJS for `node -e`. A graph that may not fall back is refused unless the provider computes every node. */
const program = `
process.once("message", async ({ entry, provider, model }) => {
  try {
    const ort = require(entry);
    const session = await ort.InferenceSession.create(model, {
      executionProviders: [provider],
      extra: { session: { disable_cpu_ep_fallback: "1" } },
      logSeverityLevel: 4,
    });
    const x = new ort.Tensor("float32", Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
    const y = new ort.Tensor("float32", Float32Array.of(1, 4, 2, 5, 3, 6), [3, 2]);
    const results = await session.run({ x, y });
    process.send({ values: [...results[session.outputNames[0]].data] });
  } catch (error) {
    process.send({ error: String(error.message) });
  }
  process.disconnect();
});
`;

function probeModel(): Uint8Array {
  const g = new GraphBuilder();
  const [x, y] = [g.input("x", [2, 3], "float32"), g.input("y", [3, 2], "float32")];
  g.output(new Value(g.op("MatMul", [g.plain(x), g.plain(y)]), [2, 2], "float32"));
  return g.encode();
}

function ask(
  question: Question,
): Promise<{ answer: Answer | undefined; failure: string | null; output: string }> {
  const child = spawn(process.execPath, ["-e", program], {
    // The Vulkan loader tells what it finds when it is asked to.
    env: { ...process.env, VK_LOADER_DEBUG: "info,warn,error,driver" },
    stdio: ["ignore", "ignore", "pipe", "ipc"],
    serialization: "advanced",
    timeout: timeLimitMs,
    killSignal: "SIGKILL",
    windowsHide: true,
  });
  let answer: Answer | undefined;
  let output = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.once("message", (message) => {
    answer = message as Answer;
  });
  return new Promise((resolve) => {
    child.once("error", (error) => resolve({ answer, failure: error.message, output }));
    child.once("close", (code, signal) => {
      const failure = child.killed
        ? `it did not answer in ${timeLimitMs / 1000} s`
        : `its process ended with ${signal ?? code}`;
      resolve({ answer, failure, output });
    });
    // A process that cannot start or ends at once is told of above.
    child.send(question, () => undefined);
  });
}

/** The Vulkan loader's list of devices; which of several ONNX Runtime takes, it does not say. */
export function adapterIn(output: string): string | null {
  const lists = output.matchAll(/Original order:[^\n]*\n((?:[^\n]*\[\d+\] [^\n]*\n)+)/g);
  const names = new Set<string>();
  for (const [, list = ""] of lists)
    for (const [, name = ""] of list.matchAll(/\[\d+\] (.*?)\s*$/gm)) names.add(name);
  if (names.size === 0) return null;
  return names.size === 1 ? ([...names][0] as string) : `one of ${[...names].join(", ")}`;
}
