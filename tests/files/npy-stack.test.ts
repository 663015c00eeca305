import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodeStackHeader, NpyStack, readNpy, STACK_HEADER_BYTES, writeNpy } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

const row = { dtype: "U16", shape: [3, 2, 1] } as const;
const values = Uint16Array.from({ length: 4 * 6 }, (_, i) => i * 2731); // past 2^15, so that the sign would show

describe("encodeStackHeader", () => {
  it("is as long for any number of rows, and begins a file that any reader of .npy takes", async () => {
    const path = join(await temporaryFolder(), "codes.npy");
    const header = encodeStackHeader(row, 4);
    expect(header.length).toBe(STACK_HEADER_BYTES);
    expect(encodeStackHeader({ dtype: "U32", shape: [2 ** 31, 2 ** 31, 2 ** 31] }, 2 ** 50).length).toBe(
      STACK_HEADER_BYTES,
    );
    await writeFile(path, Buffer.concat([header, Buffer.from(values.buffer)]));
    expect(await readNpy(path)).toEqual({ dtype: "U16", shape: [4, 3, 2, 1], data: values });
    // The format wants the values to begin at a multiple of 64 and the header to end with a line break.
    expect(STACK_HEADER_BYTES % 64).toBe(0);
    expect(header.at(-1)).toBe(0x0a);
  });

  it("refuses rows of four sides", () => {
    expect(() => encodeStackHeader({ dtype: "U8", shape: [1, 1, 1, 1] }, 2)).toThrow(
      /at most 3 sides, got 4/,
    );
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
