// The other engine from the installed package, for tools/check-package.mjs. tfjs-node brings a second tfjs-core: both
// have to work on one engine.
import { cpSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { npm, program, run } from "./folder.mjs";

/** What a user's program sees: vqkit's own TensorFlow.js, and tfjs-node's, which computes. */
const both = `
import { createRequire } from "node:module";
import { selectEngine } from "vqkit";
import * as ours from "vqkit/tf";
const { name } = await selectEngine({ engine: "tensorflow", threads: 1 });
const theirs = createRequire(import.meta.url)("@tensorflow/tfjs-core");
const x = ours.tensor2d([[1, 2], [3, 4]]);
const product = theirs.matMul(x, ours.eye(2));
const gradient = ours.grad((v) => theirs.sum(ours.square(v)))(x);
console.log(JSON.stringify({
  name,
  backend: theirs.getBackend(),
  copies: new Set([ours.matMul, theirs.matMul]).size,
  product: [...(await product.data())],
  gradient: [...(await gradient.data())],
}));
`;
// x·1 = x, and d(Σ x²)/dx = 2x.
const expected = {
  name: "tensorflow",
  backend: "tensorflow",
  copies: 2,
  product: [1, 2, 3, 4],
  gradient: [2, 4, 6, 8],
};

/** @returns what was found, in words; says so where the native binding cannot be had */
export function checkTensorFlow(folder, { root }) {
  const built = path.join(root, "node_modules/@tensorflow/tfjs-node");
  const binding = "lib/napi-v8/tfjs_binding.node";
  if (!existsSync(path.join(built, binding)))
    return "skipped, because the repository's tfjs-node has no binding (tools/build-tfjs-node.mjs builds one)";
  const { version } = JSON.parse(readFileSync(path.join(built, "package.json"), "utf8"));
  npm(["install", "--ignore-scripts", "--no-audit", `@tensorflow/tfjs-node@${version}`], folder);
  for (const part of ["lib", "deps"])
    cpSync(path.join(built, part), path.join(folder, "node_modules/@tensorflow/tfjs-node", part), {
      recursive: true,
    });

  writeFileSync(path.join(folder, "both.mjs"), both);
  const answer = run(process.execPath, ["both.mjs"], folder).trim();
  if (answer !== JSON.stringify(expected))
    throw new Error(`two tfjs-core: expected ${JSON.stringify(expected)}, got ${answer}.`);

  const losses = ["onnxruntime", "tensorflow"].map((engine) => lossesOf(folder, engine));
  const apart = Math.max(...losses[0].map((loss, i) => Math.abs(loss - losses[1][i]) / loss));
  if (losses[0].length !== 5 || !(apart < 1e-4))
    throw new Error(
      `losses of both engines: expected five that agree to 1e-4, got ${JSON.stringify(losses)}.`,
    );
  return `two tfjs-core work on one engine, five steps agree with ONNX Runtime's to ${apart.toExponential(0)}`;
}

function lossesOf(folder, engine) {
  const photo = path.join(folder, "node_modules/vqkit/samples/photos/coffee.jpg");
  const training = [
    "--preset",
    "tiny",
    "--steps",
    "5",
    "--batch-size",
    "2",
    "--crop-size",
    "32",
    "--held-out",
    "0",
  ];
  program(folder, [
    "train",
    photo,
    ...training,
    "--quantizer",
    "fsq",
    "--engine",
    engine,
    "--out",
    `run-${engine}`,
    "--quiet",
  ]);
  const lines = readFileSync(path.join(folder, `run-${engine}`, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n");
  return lines.map((line) => JSON.parse(line).reconstructionLoss).filter((loss) => loss !== undefined);
}
