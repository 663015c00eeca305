import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VqkitError } from "../../src/core/errors.js";
import { decodeNpy, encodeNpy, readNpy, type StoredTensor, writeNpy } from "../../src/files/index.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

/** A file by hand. */
function npy(header: string, values: readonly number[], version = 1): Buffer {
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(header.length);
  else length.writeUInt32LE(header.length);
  return Buffer.concat([
    Buffer.from("\x93NUMPY", "latin1"),
    Buffer.of(version, 0),
    length,
    Buffer.from(header, "latin1"),
    Uint8Array.from(values),
  ]);
}

const dict = (descr: string, shape: string, order = "False"): string =>
  `{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

describe("decodeNpy", () => {
  it.each<[string, Buffer, StoredTensor]>([
    [
      "int16, 2-D",
      npy(dict("<i2", "(1, 2)"), [0xff, 0xff, 0, 1]),
      { dtype: "I16", shape: [1, 2], data: Int16Array.of(-1, 256) },
    ],
    ["one side", npy(dict("|u1", "(2,)"), [4, 5]), { dtype: "U8", shape: [2], data: Uint8Array.of(4, 5) }],
    [
      "a single value",
      npy(dict("<f4", "()"), [0, 0, 0xc0, 0x3f]),
      { dtype: "F32", shape: [], data: Float32Array.of(1.5) },
    ],
    ["no values", npy(dict("<i4", "(0, 3)"), []), { dtype: "I32", shape: [0, 3], data: new Int32Array() }],
    ["version 2", npy(dict("|u1", "(1,)"), [9], 2), { dtype: "U8", shape: [1], data: Uint8Array.of(9) }],
    ["version 3", npy(dict("|u1", "(1,)"), [9], 3), { dtype: "U8", shape: [1], data: Uint8Array.of(9) }],
    [
      "keys in another order",
      npy("{'shape':(1,),'fortran_order':False,'descr':'|i1'}", [0xfe]),
      { dtype: "I8", shape: [1], data: Int8Array.of(-2) },
    ],
  ])("reads %s", (_, bytes, expected) => {
    expect(decodeNpy(bytes)).toEqual(expected);
  });

  it.each<[string, Buffer, string]>([
    ["another file", Buffer.from("PK\x03\x04 not an array"), "expected a .npy"],
    ["nothing", Buffer.alloc(0), "expected a .npy"],
    ["version 4", npy(dict("|u1", "(1,)"), [1], 4), "version 1.0"],
    [
      "a version 2 header of 4 GB",
      Buffer.from("\x93NUMPY\x02\x00\xff\xff\xff\xff", "latin1"),
      "at most 65536",
    ],
    ["big-endian values", npy(dict(">i2", "(1,)"), [0, 1]), "astype"],
    ["Python objects", npy(dict("|O", "(1,)"), [1]), "astype"],
    [
      "fields",
      npy("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,), }", [0, 0, 0, 0]),
      "plain array",
    ],
    ["Fortran order", npy(dict("|u1", "(1, 1)", "True"), [1]), "ascontiguousarray"],
    ["a value missing", npy(dict("<i2", "(2,)"), [1, 0, 2]), "expected 4 bytes"],
    ["a byte too many", npy(dict("|u1", "(1,)"), [1, 2]), "expected 1 bytes"],
    ["a shape past 2^53", npy(dict("|u1", "(4294967296, 4294967296)"), []), "2^53"],
    ["a side past 2^53", npy(dict("|u1", "(99999999999999999999,)"), []), "2^53"],
    ["a negative side", npy(dict("|u1", "(-1,)"), []), "plain array"],
    ["a number for a shape", npy(dict("|u1", "(3)"), [1, 2, 3]), "plain array"],
    ["an empty side", npy(dict("|u1", "(1,,1)"), [1]), "plain array"],
    [
      "a key twice",
      npy("{'descr': '|u1', 'descr': '|u1', 'shape': (1,), 'fortran_order': False}", [1]),
      "plain array",
    ],
    ["a key missing", npy("{'descr': '|u1', 'shape': (1,), }", [1]), "plain array"],
    ["code", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (f(),), }", [1]), "plain array"],
    ["no dict", npy("[]", []), "plain array"],
  ])("refuses %s", (_, bytes, reason) => {
    expect(() => decodeNpy(bytes, "x.npy")).toThrow(
      expect.objectContaining({ code: "format", message: expect.stringMatching(/^x\.npy: [^\n]*$/) }),
    );
    expect(() => decodeNpy(bytes)).toThrow(reason);
  });

  it("refuses every truncation", () => {
    const bytes = encodeNpy({ dtype: "U16", shape: [2, 1], data: Uint16Array.of(1, 300) });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeNpy(bytes.subarray(0, length))).toThrow(expect.objectContaining({ code: "format" }));
    }
  });

  it("throws only typed errors on damaged files", () => {
    const bytes = encodeNpy({ dtype: "U16", shape: [2, 1], data: Uint16Array.of(1, 300) });
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 }), (at, value) => {
        const damaged = Buffer.from(bytes);
        damaged[at] = value;
        try {
          decodeNpy(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(VqkitError);
        }
      }),
      { seed: 4, numRuns: 2000 },
    );
  });
});

describe("encodeNpy", () => {
  it("writes NumPy's own bytes", () => {
    // np.save of np.array([[1, 2, 3]], dtype=np.uint16): the header padded with spaces to 128 bytes.
    const bytes = Buffer.from(encodeNpy({ dtype: "U16", shape: [1, 3], data: Uint16Array.of(1, 2, 3) }));
    const text = "{'descr': '<u2', 'fortran_order': False, 'shape': (1, 3), }";
    expect(bytes.subarray(0, 10).toString("latin1")).toBe("\x93NUMPY\x01\x00\x76\x00");
    expect(bytes.subarray(10, 128).toString("latin1")).toBe(`${text.padEnd(117)}\n`);
    expect([...bytes.subarray(128)]).toEqual([1, 0, 2, 0, 3, 0]);
  });

  it("gives back arrays of any shape and every element type", () => {
    const shapes = fc.array(fc.nat(3), { maxLength: 5 });
    const types = [
      ["F64", Float64Array],
      ["I64", BigInt64Array],
      ["U64", BigUint64Array],
      ["F32", Float32Array],
      ["I32", Int32Array],
      ["U32", Uint32Array],
      ["I16", Int16Array],
      ["U16", Uint16Array],
      ["I8", Int8Array],
      ["U8", Uint8Array],
    ] as const;
    fc.assert(
      fc.property(shapes, fc.constantFrom(...types), fc.nat(200), (shape, [dtype, Type], start) => {
        const count = shape.reduce((product, side) => product * side, 1);
        const data = new Type(new ArrayBuffer(count * Type.BYTES_PER_ELEMENT));
        new Uint8Array(data.buffer).forEach((_, i, bytes) => {
          bytes[i] = (start + i * 7) & 0x3f; // no NaN
        });
        const array = { dtype, shape, data } as StoredTensor;
        const bytes = encodeNpy(array);
        expect((bytes.length - data.byteLength) % 64).toBe(0);
        expect(decodeNpy(bytes)).toEqual(array);
      }),
      { seed: 5 },
    );
  });

  it("refuses an array that contradicts itself", () => {
    expect(() => encodeNpy({ dtype: "U8", shape: [3], data: Uint8Array.of(1) })).toThrow(
      expect.objectContaining({ code: "format" }),
    );
  });
});

describe("readNpy and writeNpy", () => {
  it("round trip through a file, and name it when it is broken or missing", async () => {
    const path = join(await temporaryFolder(), "codes.npy");
    const array: StoredTensor = { dtype: "U32", shape: [1, 2, 2, 1], data: Uint32Array.of(1, 70_000, 3, 4) };
    await writeNpy(path, array);
    expect(await readNpy(path)).toEqual(array);
    await writeFile(path, encodeNpy(array).subarray(0, 140));
    await expect(readNpy(path)).rejects.toMatchObject({
      code: "format",
      message: expect.stringContaining(path),
    });
    await expect(readNpy(`${path}x`)).rejects.toMatchObject({ code: "file" });
  });
});
