import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { VqkitError } from "../../src/core/errors.js";
import {
  decodeSafetensors,
  encodeSafetensors,
  readSafetensors,
  type SafetensorsContent,
  type StoredTensor,
  type TensorMap,
  writeSafetensors,
} from "../../src/files/index.js";
import { bytesOf } from "../../src/files/tensor-data.js";
import { temporaryFolder } from "../runs/temporary-folder.js";

/** A file by hand: 64-bit little-endian header length, header, values. */
function file(header: string | Uint8Array, values: readonly number[] = [], length?: bigint): Buffer {
  const text = Buffer.from(header as string);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([prefix, text, Uint8Array.from(values)]);
}

const entry = (dtype: string, shape: string, offsets: string): string =>
  `{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
const U8x2 = entry("U8", "[2]", "[0,2]");

function plain({ tensors, metadata }: SafetensorsContent): unknown {
  return {
    tensors: [...tensors]
      .map(([name, { dtype, shape, ...tensor }]) => [
        name,
        dtype,
        shape,
        [...bytesOf({ dtype, shape, ...tensor } as StoredTensor)],
      ])
      .sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    metadata: Object.entries(metadata).sort(),
  };
}

describe("decodeSafetensors", () => {
  it("reads bytes made by hand", () => {
    const header = `{"__metadata__":{"format":"pt"},"b":${entry("F32", "[2,1]", "[4,12]")},"a":${entry("I32", "[]", "[0,4]")}}  `;
    // I32 -2; F32 1.5 = 0x3fc00000, -0.25 = 0xbe800000
    const bytes = file(header, [0xfe, 0xff, 0xff, 0xff, 0, 0, 0xc0, 0x3f, 0, 0, 0x80, 0xbe]);
    const { tensors, metadata } = decodeSafetensors(bytes);
    expect(tensors.get("a")).toEqual({ dtype: "I32", shape: [], data: Int32Array.of(-2) });
    expect(tensors.get("b")).toEqual({ dtype: "F32", shape: [2, 1], data: Float32Array.of(1.5, -0.25) });
    expect({ ...metadata }).toEqual({ format: "pt" });
  });

  it("reads a file that stands at an odd offset of a larger buffer", () => {
    const bytes = encodeSafetensors(
      new Map([["x", { dtype: "F32", shape: [1], data: Float32Array.of(3) }]]),
      {},
    );
    const shifted = Buffer.concat([Buffer.of(9), bytes]).subarray(1);
    expect(decodeSafetensors(shifted).tensors.get("x")?.data).toEqual(Float32Array.of(3));
  });

  it.each<[string, Buffer, string]>([
    ["nothing", Buffer.alloc(0), "at least 8 bytes"],
    ["seven bytes", Buffer.alloc(7), "at least 8 bytes"],
    ["a header over 100 MB", file("{}", [], 100_000_001n), "at most 100000000"],
    ["a header length of 2^64 - 1", file("{}", [], 2n ** 64n - 1n), "at most 100000000"],
    ["a header longer than the file", file("{}", [], 3n), "cut short"],
    ["no header", file(""), "JSON"],
    ["bytes that are not UTF-8", file(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d)), "JSON"],
    ["a byte order mark", file("\uFEFF{}"), "JSON"],
    ["text that is not JSON", file('{"a"'), "JSON"],
    ["a string without an end", file('{"a'), "JSON"],
    ["a key in a list", file('["a":1]'), "JSON"],
    ["a list", file("[]"), "expected an object"],
    ["null", file("null"), "expected an object"],
    ["a name twice", file(`{"a":${U8x2},"a":${U8x2}}`, [1, 2]), "twice"],
    ["a name twice, once escaped", file(`{"a":${U8x2},"\\u0061" :${U8x2}}`, [1, 2]), "twice"],
    ["__proto__ twice", file(`{"__proto__":${U8x2},"__proto__":${U8x2}}`, [1, 2]), "twice"],
    [
      "a field twice",
      file('{"a":{"dtype":"U8","dtype":"U8","shape":[2],"data_offsets":[0,2]}}', [1, 2]),
      "twice",
    ],
    ["metadata twice", file('{"__metadata__":{"a":"1"},"__metadata__":{"a":"2"}}'), "twice"],
    ["metadata that is no text", file('{"__metadata__":{"a":1}}'), "expected a string"],
    ["metadata that is a list", file('{"__metadata__":["a"]}'), "expected an object"],
    ["nesting beyond the format's", file(`{"a":${"[".repeat(50_000)}`), "nesting"],
    ["a missing field", file('{"a":{"dtype":"U8","shape":[2]}}', [1, 2]), "expected dtype, shape"],
    [
      "a field too many",
      file('{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2],"x":"y"}}', [1, 2]),
      "expected dtype",
    ],
    ["an entry that is a number", file('{"a":3}'), "expected an object"],
    ["an unknown dtype", file(`{"a":${entry("F8", "[2]", "[0,2]")}}`, [1, 2]), "F64, I64"],
    ["the dtype constructor", file(`{"a":${entry("constructor", "[2]", "[0,2]")}}`, [1, 2]), "F64, I64"],
    ["a shape that is no list", file(`{"a":${entry("U8", "2", "[0,2]")}}`, [1, 2]), "expected shape"],
    ["a negative side", file(`{"a":${entry("U8", "[-2]", "[0,2]")}}`, [1, 2]), "integers >= 0"],
    ["a side of 2.0", file(`{"a":${entry("U8", "[2.0]", "[0,2]")}}`, [1, 2]), "integers >= 0"],
    ["a side that is text", file(`{"a":${entry("U8", '["2"]', "[0,2]")}}`, [1, 2]), "integers >= 0"],
    ["a side over 2^53", file(`{"a":${entry("U8", "[9007199254740993]", "[0,2]")}}`, [1, 2]), "2^53"],
    ["a product over 2^53", file(`{"a":${entry("U8", "[4294967296,4294967296]", "[0,0]")}}`), "2^53"],
    [
      "a product over 2^53 times 0",
      file(`{"a":${entry("U8", "[4294967296,4294967296,0]", "[0,0]")}}`),
      "2^53",
    ],
    ["offsets of another length", file(`{"a":${entry("F32", "[2]", "[0,2]")}}`, [1, 2]), "8 bytes apart"],
    ["offsets backwards", file(`{"a":${entry("U8", "[2]", "[2,0]")}}`, [1, 2]), "2 bytes apart"],
    ["one offset", file(`{"a":${entry("U8", "[2]", "[2]")}}`, [1, 2]), "[begin, end]"],
    ["an offset that is text", file(`{"a":${entry("U8", "[2]", '["0",2]')}}`, [1, 2]), "[begin, end]"],
    ["an offset past the end", file(`{"a":${entry("U8", "[3]", "[0,3]")}}`, [1, 2]), "expected 3 bytes"],
    ["a hole at the start", file(`{"a":${entry("U8", "[2]", "[1,3]")}}`, [1, 2, 3]), "a hole"],
    ["a hole", file(`{"a":${U8x2},"b":${entry("U8", "[1]", "[3,4]")}}`, [1, 2, 3, 4]), "a hole"],
    ["an overlap", file(`{"a":${U8x2},"b":${entry("U8", "[2]", "[1,3]")}}`, [1, 2, 3]), "an overlap"],
    ["two arrays on the same bytes", file(`{"a":${U8x2},"b":${U8x2}}`, [1, 2]), "an overlap"],
    ["a trailing byte", file(`{"a":${U8x2}}`, [1, 2, 3]), "expected 2 bytes"],
    ["values and no array", file("{}", [1]), "expected 0 bytes"],
    ["a lone surrogate in a name", file(`{"\\ud800":${U8x2}}`, [1, 2]), "Unicode"],
  ])("refuses %s", (_, bytes, reason) => {
    expect(() => decodeSafetensors(bytes, "x.safetensors")).toThrow(
      expect.objectContaining({
        code: "format",
        message: expect.stringMatching(/^x\.safetensors[^\n]*$/),
      }),
    );
    expect(() => decodeSafetensors(bytes)).toThrow(reason);
  });

  it("refuses every truncation, and every byte too many", () => {
    const bytes = encodeSafetensors(sample(), { note: "é" });
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeSafetensors(bytes.subarray(0, length))).toThrow(
        expect.objectContaining({ code: "format" }),
      );
    }
    expect(() => decodeSafetensors(Buffer.concat([bytes, Buffer.of(0)]))).toThrow("bytes of values");
  });

  it("throws only typed errors on damaged files", () => {
    const bytes = Buffer.from(encodeSafetensors(sample(), { note: "x" }));
    const damage = fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(damage, (changes) => {
        const damaged = Buffer.from(bytes);
        for (const [at, value] of changes) damaged[at] = value;
        try {
          decodeSafetensors(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(VqkitError);
          expect(error).toMatchObject({ code: "format", message: expect.stringMatching(/^[^\n]*$/) });
        }
      }),
      { seed: 2, numRuns: 1000 },
    );
  });

  it("takes 100,000 entries in its stride", () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `"t${i}":${entry("U8", "[0]", "[0,0]")}`);
    expect(decodeSafetensors(file(`{${names.join(",")}}`)).tensors.size).toBe(100_000);
  });
});

describe("encodeSafetensors", () => {
  it("gives back any arrays and metadata", () => {
    const bytes = fc.uint8Array({ maxLength: 24 });
    const tensor: fc.Arbitrary<StoredTensor> = fc.oneof(
      bytes.map((data): StoredTensor => ({ dtype: "U8", shape: [1, data.length], data })),
      fc
        .float32Array({ maxLength: 6 })
        .map((data): StoredTensor => ({ dtype: "F32", shape: [data.length], data })),
      fc
        .float64Array({ maxLength: 6 })
        .map((data): StoredTensor => ({ dtype: "F64", shape: [data.length], data })),
      fc
        .int32Array({ maxLength: 6 })
        .map((data): StoredTensor => ({ dtype: "I32", shape: [data.length, 1], data })),
      fc
        .uint16Array({ maxLength: 6 })
        .map((data): StoredTensor => ({ dtype: "U16", shape: [data.length], data })),
      fc
        .bigInt64Array({ maxLength: 3 })
        .map((data): StoredTensor => ({ dtype: "I64", shape: [data.length], data })),
      fc.constant<StoredTensor>({ dtype: "I8", shape: [3, 0, 2], data: new Int8Array() }),
    );
    const name = fc
      .oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "constructor", "", "1", '"\\\n'))
      .filter((text) => text !== "__metadata__");
    const metadata = fc.dictionary(name, fc.string({ unit: "binary" }), { maxKeys: 3 });
    fc.assert(
      fc.property(fc.array(fc.tuple(name, tensor), { maxLength: 5 }), metadata, (pairs, notes) => {
        const tensors: TensorMap = new Map(pairs);
        const encoded = encodeSafetensors(tensors, notes);
        expect(plain(decodeSafetensors(encoded))).toEqual(plain({ tensors, metadata: notes }));
        expect(encodeSafetensors(new Map([...tensors].reverse()), notes)).toEqual(encoded);
      }),
      { seed: 3, numRuns: 50 },
    );
  });

  it("keeps __proto__ a plain key and no prototype", () => {
    const notes = JSON.parse('{"__proto__":"a","toString":"b"}') as Record<string, string>;
    const tensors: TensorMap = new Map([["__proto__", { dtype: "U8", shape: [1], data: Uint8Array.of(7) }]]);
    const read = decodeSafetensors(encodeSafetensors(tensors, notes));
    expect(read.tensors.get("__proto__")?.data).toEqual(Uint8Array.of(7));
    expect(Object.entries(read.metadata)).toEqual([
      ["__proto__", "a"],
      ["toString", "b"],
    ]);
    expect(Object.getPrototypeOf(read.metadata)).toBeNull();
    expect(read.metadata.valueOf).toBeUndefined();
  });

  it("aligns every array to its element, and the values to 8 bytes", () => {
    const bytes = encodeSafetensors(sample(), {});
    expect(Buffer.from(bytes).readBigUInt64LE() % 8n).toBe(0n);
    const text = Buffer.from(bytes)
      .subarray(8, 8 + Number(Buffer.from(bytes).readBigUInt64LE()))
      .toString();
    const header = JSON.parse(text) as Record<string, { dtype: string; data_offsets: [number, number] }>;
    expect(Object.values(header).map(({ dtype, data_offsets }) => [dtype, data_offsets[0]])).toEqual([
      ["I64", 0],
      ["F32", 8],
      ["U8", 20],
    ]);
  });

  it("writes views of larger buffers, not the buffers", () => {
    const data = Float32Array.of(1, 2, 3, 4).subarray(1, 3);
    const read = decodeSafetensors(
      encodeSafetensors(new Map([["x", { dtype: "F32", shape: [2], data }]]), {}),
    );
    expect(read.tensors.get("x")?.data).toEqual(Float32Array.of(2, 3));
  });

  it.each<[string, string, unknown]>([
    ["a shape of another product", "x", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2) }],
    ["a typed array of another dtype", "x", { dtype: "F32", shape: [2], data: Uint8Array.of(1, 2) }],
    ["an unknown dtype", "x", { dtype: "F16", shape: [2], data: Uint8Array.of(1, 2) }],
    ["a fractional side", "x", { dtype: "U8", shape: [0.5, 4], data: Uint8Array.of(1, 2) }],
    ["the metadata's name", "__metadata__", { dtype: "U8", shape: [2], data: Uint8Array.of(1, 2) }],
    ["a lone surrogate", "\ud800", { dtype: "U8", shape: [2], data: Uint8Array.of(1, 2) }],
  ])("refuses %s", (_, name, tensor) => {
    expect(() => encodeSafetensors(new Map([[name, tensor as StoredTensor]]), {})).toThrow(
      expect.objectContaining({ code: "format" }),
    );
  });
});

describe("readSafetensors and writeSafetensors", () => {
  it("agree with the in-memory pair, byte for byte", async () => {
    const path = join(await temporaryFolder(), "m.safetensors");
    await writeSafetensors(path, sample(), { a: "1" });
    const bytes = await readFile(path);
    expect(new Uint8Array(bytes)).toEqual(new Uint8Array(encodeSafetensors(sample(), { a: "1" })));
    expect(plain(await readSafetensors(path))).toEqual(plain(decodeSafetensors(bytes)));
  });

  it("refuse every truncated file, naming it", async () => {
    const path = join(await temporaryFolder(), "m.safetensors");
    const bytes = encodeSafetensors(sample(), {});
    for (let length = 0; length < bytes.length; length++) {
      await writeFile(path, bytes.subarray(0, length));
      await expect(readSafetensors(path)).rejects.toMatchObject({
        code: "format",
        message: expect.stringContaining(path),
      });
    }
  });

  it("name a file that is missing, and a folder", async () => {
    const folder = await temporaryFolder();
    for (const path of [join(folder, "none"), folder]) {
      await expect(readSafetensors(path)).rejects.toMatchObject({
        code: "file",
        message: expect.stringContaining(path),
      });
    }
  });
});

function sample(): TensorMap {
  return new Map<string, StoredTensor>([
    ["codes", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }],
    ["kernel", { dtype: "F32", shape: [3, 1], data: Float32Array.of(0.5, -1, 2) }],
    ["step", { dtype: "I64", shape: [], data: BigInt64Array.of(-5n) }],
  ]);
}
