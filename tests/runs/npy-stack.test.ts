import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { NpyStack, NpyStackWriter, readNpy, writeNpy } from "../../src/runs/index.js";
import { temporaryFolder } from "./temporary-folder.js";

const row = { dtype: "U16", shape: [3, 2, 1] } as const;
const values = Uint16Array.from({ length: 4 * 6 }, (_, i) => i * 2731); // past 2^15, so that the sign would show

describe("NpyStackWriter", () => {
  it("appends rows to a file that any reader of .npy takes", async () => {
    const path = join(await temporaryFolder(), "codes.npy");
    const writer = await NpyStackWriter.create(path, row);
    await writer.append(values.subarray(0, 6));
    await writer.append(values.subarray(6));
    expect(writer.rows).toBe(4);
    await writer.commit();
    expect(await readNpy(path)).toEqual({ dtype: "U16", shape: [4, 3, 2, 1], data: values });
    // The format wants the values to begin at a multiple of 64 and the header to end with a line break.
    const bytes = await readFile(path);
    const dataStart = bytes.length - values.byteLength;
    expect(dataStart % 64).toBe(0);
    expect(bytes[dataStart - 1]).toBe(0x0a);
  });

  it("shows nothing before commit, and nothing of what was discarded", async () => {
    const folder = await temporaryFolder();
    const path = join(folder, "codes.npy");
    await writeFile(path, "previous");
    const writer = await NpyStackWriter.create(path, row);
    await writer.append(values);
    expect(await readFile(path, "utf8")).toBe("previous");
    await writer.discard();
    expect(await readdir(folder)).toEqual(["codes.npy"]);
    expect(await readFile(path, "utf8")).toBe("previous");
  });

  it("refuses part of a row, another element type and rows of four sides", async () => {
    const path = join(await temporaryFolder(), "codes.npy");
    const writer = await NpyStackWriter.create(path, row);
    await expect(writer.append(values.subarray(0, 7))).rejects.toMatchObject({ code: "format" });
    await expect(writer.append(new Uint32Array(6))).rejects.toMatchObject({ code: "format" });
    expect(writer.rows).toBe(0);
    await expect(NpyStackWriter.create(path, { dtype: "U8", shape: [1, 1, 1, 1] })).rejects.toMatchObject({
      code: "format",
    });
  });

  it("names the file that cannot be written", async () => {
    const path = join(await temporaryFolder(), "none", "codes.npy");
    await expect(NpyStackWriter.create(path, row)).rejects.toMatchObject({
      code: "file",
      message: `${path}: could not write (ENOENT: no such file or directory). Check the path.`,
    });
  });
});

describe("NpyStack", () => {
  it("reads a range of rows", async () => {
    const path = join(await temporaryFolder(), "codes.npy");
    await writeNpy(path, { dtype: "U16", shape: [4, 3, 2, 1], data: values });
    const stack = await NpyStack.open(path);
    expect([stack.dtype, stack.rows, stack.shape]).toEqual(["U16", 4, [4, 3, 2, 1]]);
    expect(await stack.read(1, 2)).toEqual({
      dtype: "U16",
      shape: [2, 3, 2, 1],
      data: values.slice(6, 18),
    });
    await expect(stack.read(3, 2)).rejects.toMatchObject({ code: "format" });
  });

  it("refuses a single value and a file cut short", async () => {
    const folder = await temporaryFolder();
    const single = join(folder, "single.npy");
    await writeNpy(single, { dtype: "F32", shape: [], data: Float32Array.of(1.5) });
    await expect(NpyStack.open(single)).rejects.toMatchObject({ code: "format" });
    const short = join(folder, "short.npy");
    await writeNpy(short, { dtype: "U16", shape: [4, 6], data: values });
    await writeFile(short, (await readFile(short)).subarray(0, -2));
    await expect(NpyStack.open(short)).rejects.toMatchObject({ code: "format" });
  });
});
