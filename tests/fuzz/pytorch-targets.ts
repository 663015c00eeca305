/** The reader of PyTorch's files: the archives, the old form, and the pickles within. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { openPytorch } from "../../src/files/index.js";
import { unpickle } from "../../src/files/pytorch/pickle.js";
import { namedTensors } from "../../src/files/pytorch/tensor-names.js";
import { torchBuilders } from "../../src/files/pytorch/torch-builders.js";
import { elementCount, tensorFault } from "../../src/files/tensor-data.js";
import { mutationsOf } from "./mutations.js";
import { check, type Target } from "./target.js";

/** @param path where cases are written @param folder of the files that tools/make-pytorch-files.py wrote */
export async function pytorchTargets(path: string, folder: string): Promise<Target[]> {
  const file = (name: string): Promise<Buffer> => readFile(join(folder, name));
  const names = ["state.pt", "old-form.pt", "foreign.ckpt", "module.pt", "scripted.jit", "command.pt"];
  const files = await Promise.all(names.map(file));
  return [
    {
      name: "PyTorch file",
      cases: mutationsOf(files),
      read: async (bytes) => {
        await writeFile(path, bytes);
        const source = await openPytorch(path);
        try {
          for (const [name, { shape }] of source.tensors) {
            check(elementCount(shape) !== undefined, "a shape that is none");
            const tensor = await source.read(name);
            check(tensorFault(tensor) === undefined, "an array at odds with itself");
            check(tensor.data.byteLength <= bytes.length, "more values than the file has bytes");
          }
        } finally {
          await source.close();
        }
      },
    },
    {
      name: "pickle",
      cases: fc.oneof(mutationsOf(files.map(pickleOf)), oddPickle),
      read: async (bytes) => {
        const { value, end } = unpickle(bytes, { ...torchBuilders(), where: "pickle" });
        check(end <= bytes.length, "an end past the end");
        for (const { storage, shape } of namedTensors(value, "pickle").tensors.values()) {
          check((elementCount(shape) ?? Number.POSITIVE_INFINITY) <= storage.count, "more than its storage");
        }
      },
    },
  ];
}

/** The pickle of an archive, which is stored first or last; of the old form, the whole file. */
function pickleOf(file: Buffer): Buffer {
  const name = file.indexOf("data.pkl");
  const start = file.indexOf(Buffer.of(0x80, 0x02), Math.max(name, 0));
  return file.subarray(start, start + 4096);
}

const opcode = fc.constantFrom(
  ...["(", ".", "0", "1", "2", "N", "K\x01", "]", "}", ")", "a", "e", "t", "d", "s", "u", "l", "o", "b", "R"],
  ...["Q", "q\x01", "h\x01", "\x81", "\x85", "\x86", "\x87", "\x8f", "\x90", "\x94", "\x93", "I7\n", "Vab\n"],
  ...[
    "ccollections\nOrderedDict\n",
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ctorch\nFloatStorage\n",
    "(ia\nb\n",
  ],
  ...[
    "X\x07\0\0\0storage",
    "J\xff\xff\xff\x7f",
    "\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f",
    "G\x7f\xf8\0\0\0\0\0\0",
  ],
);

/** Opcodes in any order. */
const oddPickle = fc
  .array(opcode, { maxLength: 40 })
  .map((codes) => Uint8Array.from(Buffer.from(`${codes.join("")}.`, "latin1")));
