import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { OrtTensor } from "../../src/backend/index.js";
import {
  enginePackage,
  findRuntime,
  type Installation,
  loadRuntime,
  runtimePlatforms,
  runtimeSeries,
} from "../../src/backend/runtime-package.js";

const own = enginePackage(`${process.platform}-${process.arch}`);

function installation(versions: Record<string, string>, cuda = false): Installation {
  return { versionOf: (name) => versions[name], hasCuda: () => cuda };
}

test("the platform's own package is taken before onnxruntime-node, unless that has CUDA", () => {
  const both = { [own]: "1.30.0", "onnxruntime-node": "1.30.2" };
  expect(findRuntime(installation(both))).toEqual({ name: own, version: "1.30.0" });
  expect(findRuntime(installation(both, true))).toEqual({ name: "onnxruntime-node", version: "1.30.2" });
});

test("onnxruntime-node is taken where it is alone, another release of it never", () => {
  expect(findRuntime(installation({ "onnxruntime-node": "1.30.2" })).name).toBe("onnxruntime-node");
  const other = { "onnxruntime-node": "1.3.0" };
  expect(findRuntime(installation({ ...other, [own]: "1.30.0" }, true)).name).toBe(own);
  expect(() => findRuntime(installation(other, true))).toThrow(
    /and onnxruntime-node 1\.3\.0 is another release/,
  );
});

test("what is missing is told in one line, with what to run", () => {
  const message = messageOf(() => findRuntime(installation({})));
  expect(message).toContain(`npm install ${own}@~1.30.0`);
  expect(message).not.toContain("\n");
});

test("where ONNX Runtime has no libraries, the platforms that have them are named", () => {
  const { platform } = process;
  Object.defineProperty(process, "platform", { value: "sunos" });
  try {
    expect(() => findRuntime(installation({}))).toThrow(
      /no libraries for sunos-\w+\. Take one of darwin-arm64, /,
    );
  } finally {
    Object.defineProperty(process, "platform", { value: platform });
  }
});

test("here it is the onnxruntime-node that the repository pins, on every platform that this has", () => {
  const { devDependencies } = JSON.parse(
    readFileSync(path.resolve(import.meta.dirname, "../../package.json"), "utf8"),
  ) as { devDependencies: Record<string, string> };
  expect(devDependencies["onnxruntime-node"]).toBe(`~${runtimeSeries}.0`);
  expect(loadRuntime().from.name).toBe("onnxruntime-node");
  expect(runtimePlatforms).toContain(`${process.platform}-${process.arch}`);
});

test("the class of tensors that is handed out is the runtime's own", () => {
  const tensor = new OrtTensor("int32", Int32Array.of(3, 1), [1, 2]);
  expect(tensor).toBeInstanceOf(loadRuntime().runtime.Tensor);
  expect(tensor).toBeInstanceOf(OrtTensor);
  expect(tensor.dims).toEqual([1, 2]);
});

function messageOf(body: () => unknown): string {
  try {
    body();
  } catch (error) {
    return (error as Error).message;
  }
  throw new Error("expected an error");
}
