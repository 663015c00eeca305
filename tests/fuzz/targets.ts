/** Every parser of files that may come from strangers, with files that it reads and a check of what it returns. */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { readConfigFile } from "../../cli/config-file.js";
import { UsageError } from "../../cli/errors.js";
import { VqkitError } from "../../src/core/errors.js";
import {
  decodeNpy,
  decodeSafetensors,
  encodeNpy,
  encodeSafetensors,
  NpyStack,
  readNpy,
  readSafetensors,
  type StoredTensor,
} from "../../src/files/index.js";
import { tensorFault } from "../../src/files/tensor-data.js";
import { readCheckpoint } from "../../src/runs/checkpoint-file.js";
import { readCodeTimelineFile } from "../../src/runs/code-timeline.js";
import { readMetrics, readModelFile, readUsageFile } from "../../src/runs/index.js";
import { RunFolder } from "../../src/runs/run-folder.js";
import { type CodeFormat, codeFormats, readCodes, writeCodes } from "../../src/tokenizer/index.js";
import { imageStructures } from "./image-structures.js";
import { mutationsOf } from "./mutations.js";
import { pytorchTargets } from "./pytorch-targets.js";
import { sourceTargets } from "./source-targets.js";
import {
  changedJson,
  changedLines,
  oddNpy,
  oddSafetensors,
  oddTar,
  oddTimeline,
  oddYaml,
} from "./structures.js";
import { check, type Target } from "./target.js";

export { type Target, WrongValue } from "./target.js";

/** Whether an error is one that callers are told of. */
export function isTyped(error: unknown): boolean {
  return error instanceof VqkitError || error instanceof UsageError;
}

const golden = resolve(import.meta.dirname, "../golden/0.1.0");

/** @param folder where cases are written; the caller removes it */
export async function fuzzTargets(folder: string, goldenFolder = golden): Promise<Target[]> {
  const file = (name: string): Promise<Buffer> => readFile(join(goldenFolder, name));
  const run = async (name: string): Promise<Buffer> => file(`run/${name}`);
  const at = join(folder, "case");
  const written = (read: (path: string) => Promise<void>) => async (bytes: Uint8Array) => {
    await writeFile(at, bytes);
    await read(at);
  };
  const [model, checkpoint] = [
    await run("model.safetensors"),
    await run("checkpoints/step-00000005.safetensors"),
  ];
  const stack = await file("codes/npy/codes-4x6.npy");
  const small = encodeSafetensors(
    new Map<string, StoredTensor>([
      ["a", { dtype: "F32", shape: [2, 1], data: Float32Array.of(1, 2) }],
      ["b", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }],
    ]),
    { note: "text" },
  );
  return [
    {
      name: "safetensors",
      cases: fc.oneof(mutationsOf([small, model]), oddSafetensors),
      read: written(readTensors),
    },
    {
      name: "model",
      cases: mutationsOf([model]),
      read: written(async (path) => void (await readModelFile(path))),
    },
    {
      name: "checkpoint",
      cases: fc.oneof(mutationsOf([checkpoint]), oddSafetensors),
      // Nothing but the file as it was written has its checksum.
      read: written(async (path) => {
        await readCheckpoint(path, 5);
        check(
          checkpoint.equals(await readFile(path)) || (await sameTensors(path, checkpoint)),
          "another file",
        );
      }),
    },
    ...(await pytorchTargets(at, resolve(goldenFolder, "../../files/pytorch"))),
    { name: "npy", cases: fc.oneof(mutationsOf([stack, tiny()]), oddNpy), read: written(readArray) },
    { name: "npy stack", cases: fc.oneof(mutationsOf([stack]), oddNpy), read: written(readStack) },
    lines("metrics.jsonl", await run("metrics.jsonl"), written(readAllMetrics)),
    {
      name: "timeline of codes",
      cases: fc.oneof(mutationsOf([await run("timeline.vqt")]), oddTimeline),
      read: written(readTimeline),
    },
    json(
      "usage.json",
      await run("usage.json"),
      written(async (path) => void (await readUsageFile(path))),
    ),
    ...(await runFiles(folder, run)),
    ...(await codeTargets(folder, file)),
    await imageStructures(),
    ...(await sourceTargets(at, resolve(goldenFolder, "../.."))),
    {
      name: "config YAML",
      cases: oddYaml,
      read: written(async (path) => void (await readConfigFile(path))),
    },
    json(
      "config JSON",
      await run("config.json"),
      written(async (path) => void (await readConfigFile(path))),
    ),
  ];
}

type Read = Target["read"];

function json(name: string, bytes: Uint8Array, read: Read): Target {
  return { name, cases: fc.oneof(mutationsOf([bytes]), changedJson(bytes)), read };
}

function lines(name: string, bytes: Uint8Array, read: Read): Target {
  return { name, cases: fc.oneof(mutationsOf([bytes]), changedLines(bytes)), read };
}

function tiny(): Uint8Array {
  return encodeNpy({ dtype: "F64", shape: [], data: Float64Array.of(0.5) });
}

async function readTensors(path: string): Promise<void> {
  const { tensors, metadata } = await readSafetensors(path);
  for (const tensor of tensors.values())
    check(tensorFault(tensor) === undefined, "an array at odds with itself");
  const again = decodeSafetensors(encodeSafetensors(tensors, metadata));
  check(again.tensors.size === tensors.size, "other arrays after writing and reading");
}

async function sameTensors(path: string, original: Uint8Array): Promise<boolean> {
  const [{ tensors: got }, { tensors: wanted }] = [await readSafetensors(path), decodeSafetensors(original)];
  return Buffer.from(encodeSafetensors(got, {})).equals(encodeSafetensors(wanted, {}));
}

async function readArray(path: string): Promise<void> {
  const array = await readNpy(path);
  check(tensorFault(array) === undefined, "an array at odds with itself");
  check(tensorFault(decodeNpy(encodeNpy(array))) === undefined, "another array after writing and reading");
}

async function readStack(path: string): Promise<void> {
  const stack = await NpyStack.open(path);
  const last = await stack.read(Math.max(0, stack.rows - 1), Math.min(1, stack.rows));
  check(tensorFault(last) === undefined, "a row at odds with itself");
}

async function readAllMetrics(path: string): Promise<void> {
  for await (const record of readMetrics(path)) {
    for (const value of Object.values(record)) {
      check(typeof value !== "number" || Number.isFinite(value), "a figure that is not finite");
    }
  }
}

async function readTimeline(path: string): Promise<void> {
  const { codebookSize, numCodebooks, records } = await readCodeTimelineFile(path);
  let before = 0;
  for (const { step, samples, codebooks, drift } of records) {
    check(step > before && codebooks.length === numCodebooks, "an odd record");
    before = step;
    for (const { indices, counts } of codebooks) {
      check(
        indices.every((index, i) => index < codebookSize && (i === 0 || index > (indices[i - 1] ?? 0))),
        "indices out of order",
      );
      check(counts.reduce((sum, count) => sum + count, 0) === samples, "another number of samples");
    }
    check(drift === null || drift.every(({ perCode }) => perCode.every((each) => each >= 0)), "an odd drift");
  }
}

async function runFiles(folder: string, run: (name: string) => Promise<Buffer>): Promise<Target[]> {
  const dir = join(folder, "run");
  await mkdir(dir, { recursive: true });
  const [config, summary] = [await run("config.json"), await run("summary.json")];
  const placed =
    (name: string, read: (opened: RunFolder) => Promise<unknown>): Read =>
    async (bytes) => {
      await writeFile(join(dir, "config.json"), config);
      await writeFile(join(dir, name), bytes);
      await read(await RunFolder.open(dir));
    };
  return [
    json(
      "run config.json",
      config,
      placed("config.json", (opened) => opened.readConfig()),
    ),
    json(
      "summary.json",
      summary,
      placed("summary.json", (opened) => opened.readSummary()),
    ),
  ];
}

/** One target a format and file. The manifest states the length that the changed file has, so that it is read. */
async function codeTargets(folder: string, file: (name: string) => Promise<Buffer>): Promise<Target[]> {
  const names = {
    npy: ["codes-4x6.npy", "images.jsonl"],
    jsonl: ["codes.jsonl"],
    parquet: ["codes.parquet"],
    tar: ["codes-000000.tar"],
    packed: ["codes.vqc"],
    bin: ["train.bin", "val.bin", "entries.jsonl"],
  };
  // Version 0.1.0 had no `bin`: the same codes in it.
  const bin = join(folder, "of-bin");
  const packed = join(folder, "of-packed");
  await mkdir(packed, { recursive: true });
  for (const name of ["manifest.json", ...names.packed]) {
    await writeFile(join(packed, name), await file(`codes/packed/${name}`));
  }
  await writeCodes(bin, readCodes(packed), { format: "bin", overwrite: true, tokens: { validation: 0.5 } });
  const codeFile = (format: CodeFormat, name: string): Promise<Buffer> =>
    format === "bin" ? readFile(join(bin, name)) : file(`codes/${format}/${name}`);
  const targets: Target[] = [];
  for (const format of codeFormats) {
    const dir = join(folder, format);
    const original = await codeFile(format, "manifest.json");
    const files = new Map<string, Buffer>();
    for (const name of names[format]) files.set(name, await codeFile(format, name));
    const read = async (name: string, bytes: Uint8Array): Promise<void> => {
      await rm(dir, { recursive: true, force: true });
      await mkdir(dir, { recursive: true });
      for (const [each, content] of files) await writeFile(join(dir, each), content);
      await writeFile(join(dir, "manifest.json"), original);
      await writeFile(join(dir, name), bytes);
      if (name !== "manifest.json") await restate(dir, original, { file: name, bytes: bytes.length });
      await readFolder(dir);
    };
    targets.push(json(`${format} manifest`, original, (bytes) => read("manifest.json", bytes)));
    for (const [name, content] of files) {
      const cases = name.endsWith(".jsonl")
        ? fc.oneof(mutationsOf([content]), changedLines(content))
        : fc.oneof(mutationsOf([content]), ...(format === "tar" ? [oddTar] : []));
      targets.push({ name: `codes ${name}`, cases, read: (bytes) => read(name, bytes) });
    }
  }
  return targets;
}

async function restate(
  dir: string,
  original: Buffer,
  stated: { readonly file: string; readonly bytes: number },
): Promise<void> {
  const manifest = JSON.parse(original.toString()) as { files: { file: string; bytes: number }[] };
  const files = manifest.files.map((each) => (each.file === stated.file ? stated : each));
  await writeFile(join(dir, "manifest.json"), JSON.stringify({ ...manifest, files }));
}

async function readFolder(dir: string): Promise<void> {
  for await (const { indices, shape, codebookSize, images } of readCodes(dir)) {
    check(shape.every((side) => side >= 1) && images.length === shape[0], `a shape of [${shape}]`);
    check(indices.length === shape.reduce((product, side) => product * side, 1), "too few indices");
    check(
      indices.every((index) => index < codebookSize),
      "an index outside of the codebook",
    );
    check(
      images.every(({ name, width, height }) => name !== "" && width >= 1 && height >= 1),
      "an odd image",
    );
  }
}
