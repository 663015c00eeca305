import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import * as tf from "../../src/tf/index.js";

const bundle = path.resolve(import.meta.dirname, "../../dist/src/tf/index.js");

/** What a TensorFlow.js offers: tfjs-core's registries are global, so each is asked in a process of its own. */
const program = `
const tf = await import(process.argv[1]);
await tf.setBackend("cpu");
const x = tf.tensor2d([[1, -2, 3]]);
const gradient = await tf.grad((v) => v.square().sum())(x).array();
const kernels = tf.getKernelsForBackend("cpu").map(({ kernelName }) => kernelName).sort();
process.stdout.write(JSON.stringify({
  names: Object.keys(tf).filter((name) => name !== "default" && name !== "module.exports").sort(),
  methods: Object.getOwnPropertyNames(tf.Tensor.prototype).sort(),
  gradients: Object.values(tf).filter((name) => typeof name === "string" && tf.getGradient(name)).sort(),
  kernels,
  gradient,
}));
`;

function offerOf(module: string): Record<string, unknown[]> {
  const text = execFileSync(process.execPath, ["--input-type=module", "-e", program, module], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
    cwd: path.resolve(import.meta.dirname, "../.."),
  });
  return JSON.parse(text) as Record<string, unknown[]>;
}

test("the package's one file has what tfjs-core has, with its gradients, methods and slow backend", () => {
  const ours = offerOf(pathToFileURL(bundle).href);
  const sources = `data:text/javascript,${encodeURIComponent(
    `import "${import.meta.resolve("@tensorflow/tfjs")}"; export * from "${import.meta.resolve("@tensorflow/tfjs-core")}";`,
  )}`;
  expect(ours).toEqual(offerOf(sources));
  // d(x²)/dx = 2x
  expect(ours.gradient).toEqual([[2, -4, 6]]);
  // Each is empty where a part is not bundled.
  expect(ours.gradients?.length).toBeGreaterThan(90);
  expect(ours.methods?.length).toBeGreaterThan(150);
  expect(ours.kernels?.length).toBeGreaterThan(150);
  expect(Object.keys(tf)).toEqual(expect.arrayContaining(["customGrad", "variableGrads", "train", "tidy"]));
});

test("it loads nothing but modules of Node", () => {
  const text = readFileSync(bundle, "utf8");
  const loaded = [...text.matchAll(/(?:^import .* from |^import |\b__require\()"([^"]+)"/gm)].map(
    ([, name]) => name as string,
  );
  expect(loaded).toContain("util");
  expect(loaded.filter((name) => !builtinModules.includes(name.replace(/^node:/, "")))).toEqual([]);
});

test("its notice has the licences of what it is made of, which the list of licences names", () => {
  const notice = readFileSync(path.join(path.dirname(bundle), "NOTICE.md"), "utf8");
  const packages = [...notice.matchAll(/^## (.+)$/gm)].flatMap(([, names = ""]) => names.split(", "));
  const names = packages.map((each) => each.replace(/ [\d.]+$/, ""));
  expect(names.sort()).toEqual([
    "@tensorflow/tfjs-backend-cpu",
    "@tensorflow/tfjs-core",
    "long",
    "seedrandom",
  ]);
  const licences = readFileSync(path.resolve(import.meta.dirname, "../../docs/licences.md"), "utf8");
  for (const name of names) expect(licences).toMatch(new RegExp(`[ ,]${name}[,|]| ${name} `));
  expect(notice).toContain("Version 2.0, January 2004");
  expect(notice).toContain("Copyright 2019 David Bau.");
});
