import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { VqkitError } from "../../../src/core/errors.js";
import { floatsOf, openPytorch, type StoredTensor } from "../../../src/files/index.js";
import { temporaryFolder } from "../../runs/temporary-folder.js";

const file = (name: string): string => join(import.meta.dirname, name);

/** All that a file holds; tools/make-pytorch-files.py wrote the files, with values 0, 0.5, 1, … in row-major order. */
async function contentOf(path: string): Promise<Map<string, StoredTensor>> {
  const source = await openPytorch(path);
  try {
    const content = new Map<string, StoredTensor>();
    for (const name of source.tensors.keys()) content.set(name, await source.read(name));
    return content;
  } finally {
    await source.close();
  }
}

async function unreadableOf(path: string): Promise<ReadonlyMap<string, string>> {
  const source = await openPytorch(path);
  await source.close();
  return source.unreadable;
}

describe("openPytorch", () => {
  it.each(["state.pt", "old-form.pt"])("reads every element type and every view: %s", async (name) => {
    const content = await contentOf(file(name));
    const of = (key: string) => content.get(`state_dict.${key}`) as StoredTensor;
    expect(of("f64")).toEqual({ dtype: "F64", shape: [2, 2], data: Float64Array.of(0, 0.5, 1, 1.5) });
    expect(of("f32")).toEqual({ dtype: "F32", shape: [2, 3], data: Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5) });
    for (const key of ["f16", "bf16"]) {
      expect(of(key).dtype).toBe(key.toUpperCase());
      expect(floatsOf(of(key))).toEqual(Float32Array.of(0, 0.5, 1));
    }
    expect(of("i64")).toEqual({ dtype: "I64", shape: [3], data: BigInt64Array.of(0n, 1n, 2n) });
    expect(of("i32")).toEqual({ dtype: "I32", shape: [2], data: Int32Array.of(0, 1) });
    expect(of("i16")).toEqual({ dtype: "I16", shape: [2], data: Int16Array.of(0, 1) });
    expect(of("i8")).toEqual({ dtype: "I8", shape: [2], data: Int8Array.of(0, 1) });
    expect(of("u8")).toEqual({ dtype: "U8", shape: [2], data: Uint8Array.of(0, 1) });
    expect(of("bool")).toEqual({ dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) });
    // [[0, 0.5, 1], [1.5, 2, 2.5]] turned
    expect(of("turned")).toMatchObject({ shape: [3, 2], data: Float32Array.of(0, 1.5, 0.5, 2, 1, 2.5) });
    // rows 1 and 2, columns 2 and 4, of 4×6: halves of 8, 10, 14, 16
    expect(of("window")).toMatchObject({ shape: [2, 2], data: Float32Array.of(4, 5, 7, 8) });
    expect(of("channels_last")).toMatchObject({
      shape: [1, 2, 3, 2],
      data: Float32Array.from({ length: 12 }, (_, i) => i / 2),
    });
    expect(of("first")).toMatchObject({ shape: [2, 3], data: Float32Array.of(0, 0.5, 1, 1.5, 2, 2.5) });
    expect(of("second")).toMatchObject({ shape: [2, 3], data: Float32Array.of(3, 3.5, 4, 4.5, 5, 5.5) });
    expect(of("parameter")).toMatchObject({ shape: [2], data: Float32Array.of(0, 0.5) });
    expect(of("scalar")).toMatchObject({ shape: [], data: Float32Array.of(0.5) });
    expect(of("empty")).toMatchObject({ shape: [0, 3], data: new Float32Array() });
    if (name === "state.pt") {
      expect(of("u16")).toEqual({ dtype: "U16", shape: [3], data: Uint16Array.of(0, 1, 2) });
    }
  });

  it("loads what stands beside objects of foreign classes, which stay names", async () => {
    const path = file("foreign.ckpt");
    const content = await contentOf(path);
    expect([...content.keys()]).toEqual([
      "state_dict.weight",
      "state_dict.bias",
      "hyper_parameters.args.best",
    ]);
    expect(content.get("state_dict.weight")?.data).toEqual(Float32Array.of(0, 0.5, 1, 1.5));
    const unreadable = await unreadableOf(path);
    expect(unreadable.get("hyper_parameters")).toBe("__main__.AttributeDict");
    expect(unreadable.get("hyper_parameters.args")).toBe("__main__.Callback");
    expect(unreadable.get("lr_schedulers.0")).toBe("functools.partial");
  });

  it("runs nothing that a pickle asks for, and says what a tensor would depend on", async () => {
    expect([...(await contentOf(file("command.pt"))).keys()]).toEqual(["state_dict.weight"]);
    expect((await unreadableOf(file("command.pt"))).get("other")).toBe("posix.system");
    expect((await unreadableOf(file("command-as-weight.pt"))).get("state_dict.bias")).toBe("posix.system");
    expect(existsSync("vqkit-pickle-was-run")).toBe(false);
  });

  it.each(["module.pt", "scripted.jit"])(
    "names the tensors of a whole module by its parts: %s",
    async (name) => {
      const content = await contentOf(file(name));
      expect([...content.keys()].sort()).toEqual([
        "conv.bias",
        "conv.weight",
        "parts.0.bias",
        "parts.0.weight",
      ]);
      expect(content.get("conv.weight")).toEqual({
        dtype: "F32",
        shape: [2, 1, 3, 3],
        data: Float32Array.from({ length: 18 }, (_, i) => i / 2),
      });
    },
  );

  it.each<[string, RegExp]>([
    ["deflated.pt", /stored without compression/],
    ["big-endian.pt", /little-endian/],
    ["short-storage.pt", /expected 24 bytes in "tensor\/data\/0", got 8/],
    ["no-storage.pt", /expected "tensor\/data\/0" in the archive, got none/],
    ["other.zip", /data\.pkl/],
  ])("refuses %s in one line", async (name, message) => {
    const failed = contentOf(file(name));
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toThrow(/^[^\n]*$/);
    await expect(failed).rejects.toMatchObject({ code: "format" });
  });

  it("refuses a file that is cut anywhere, or was changed in its values", async () => {
    const at = join(await temporaryFolder(), "cut.pt");
    for (const name of ["state.pt", "old-form.pt"]) {
      const whole = await readFile(file(name));
      for (let length = 0; length < whole.length; length += 97) {
        await writeFile(at, whole.subarray(0, length));
        await expect(contentOf(at), `${name}, ${length} bytes`).rejects.toBeInstanceOf(VqkitError);
      }
    }
    const changed = await readFile(file("tensor.pt"));
    const half = Buffer.from(Float32Array.of(0, 0.5, 1).buffer);
    changed.writeUInt8(1, changed.indexOf(half)); // the first value is no longer 0
    await writeFile(at, changed);
    await expect(contentOf(at)).rejects.toThrow(/CRC-32/);
  });
});
