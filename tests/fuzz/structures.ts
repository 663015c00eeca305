/** Files that are right in their outer form and wrong, or odd, inside: what single changed bytes seldom reach. */
import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { crc32 } from "../../src/files/index.js";

const oddNumber = fc.constantFrom(0, 1, 2, 3, -1, 0.5, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 60, 1e300);
const oddKey = fc.constantFrom(
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "__metadata__",
  "",
  "a",
  "b",
);

/** Any JSON, with keys that objects have already and numbers at the edges. */
const anyJson = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    oddNumber,
    fc.string({ maxLength: 8 }),
    fc.constantFrom(null, true, false),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(oddKey, tie("value")), { maxLength: 4 }).map(objectOf),
  ),
})).value;

/** Own properties whatever the key; the text below then says `"__proto__"`. */
function objectOf(entries: readonly (readonly [string, unknown])[]): object {
  const value = {};
  for (const [key, part] of entries) {
    Object.defineProperty(value, key, { value: part, enumerable: true, configurable: true, writable: true });
  }
  return value;
}

const text = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** A JSON file in which one value, anywhere, has been replaced, removed, doubled or added. */
export function changedJson(file: Uint8Array): fc.Arbitrary<Uint8Array> {
  const paths = pathsOf(JSON.parse(Buffer.from(file).toString()));
  return fc
    .record({
      path: fc.constantFrom(...paths),
      part: fc.option(anyJson),
      key: fc.option(oddKey),
      deep: fc.nat(40),
    })
    .map(({ path, part, key, deep }) => {
      const root = { root: JSON.parse(Buffer.from(file).toString()) };
      const last = path.at(-1) as string;
      const parent = ["root", ...path.slice(0, -1)].reduce(
        (value: unknown, name) => (value as Record<string, unknown>)[name],
        root,
      ) as Record<string, unknown>;
      if (part === null) delete parent[last];
      else if (deep === 0) parent[last] = nested(20_000);
      else if (key === null) parent[last] = part;
      else Object.defineProperty(parent, key, { value: part, enumerable: true });
      return Buffer.from(deep === 0 && part !== null ? withNested(root.root) : JSON.stringify(root.root));
    });
}

const NESTED = "@nested@";
const nested = (_depth: number): string => NESTED;
/** JSON.stringify itself runs out of stack where a value nests this deep. */
function withNested(value: unknown): string {
  return JSON.stringify(value).replace(`"${NESTED}"`, "[".repeat(20_000) + "]".repeat(20_000));
}

function pathsOf(value: unknown, path: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value)
    .slice(0, 40)
    .flatMap(([key, part]) => [[...path, key], ...pathsOf(part, [...path, key])]);
}

/** Lines of JSON: those of a file, some of them changed. */
export function changedLines(file: Uint8Array): fc.Arbitrary<Uint8Array> {
  const lines = Buffer.from(file).toString().trimEnd().split("\n");
  const line = fc.oneof(
    ...lines.map((each) => fc.constant(Buffer.from(each) as Uint8Array)),
    ...lines.map((each) => changedJson(Buffer.from(each))),
    anyJson.map(text),
  );
  return fc
    .array(line, { maxLength: 6 })
    .map((each) => Buffer.concat(each.flatMap((part) => [part, Buffer.from("\n")])));
}

/** safetensors files whose length prefix and JSON hold and whose entries may claim anything. */
export const oddSafetensors: fc.Arbitrary<Uint8Array> = fc
  .record({
    entries: fc.array(
      fc.tuple(
        fc.oneof(oddKey, fc.string({ maxLength: 4 })),
        fc.oneof(
          fc.record({
            dtype: fc.constantFrom("F32", "U8", "I64", "F64", "BF16", "toString"),
            shape: fc.array(fc.oneof(fc.nat(3), oddNumber), { maxLength: 4 }),
            data_offsets: fc.tuple(fc.oneof(fc.nat(16), oddNumber), fc.oneof(fc.nat(16), oddNumber)),
          }),
          anyJson,
        ),
      ),
      { maxLength: 4 },
    ),
    values: fc.uint8Array({ maxLength: 32 }),
    claimed: fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { freq: 8 }),
  })
  .map(({ entries, values, claimed }) => {
    const header = Buffer.from(
      `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)}}`,
    );
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(claimed ?? BigInt(header.length));
    return Buffer.concat([prefix, header, values]);
  });

/** .npy files of any version, header and length of values. */
export const oddNpy: fc.Arbitrary<Uint8Array> = fc
  .record({
    version: fc.constantFrom(1, 2, 3, 4),
    descr: fc.constantFrom("<u2", "<f4", "|u1", ">i4", "|O", "<u8"),
    order: fc.constantFrom("False", "True", "0"),
    shape: fc.array(fc.oneof(fc.nat(4), oddNumber), { maxLength: 5 }),
    values: fc.uint8Array({ maxLength: 64 }),
    claimed: fc.option(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { freq: 8 }),
  })
  .map(({ version, descr, order, shape, values, claimed }) => {
    const tuple = `(${shape.join(", ")}${shape.length === 1 ? "," : ""})`;
    const header = Buffer.from(`{'descr': '${descr}', 'fortran_order': ${order}, 'shape': ${tuple}, }\n`);
    const length = Buffer.alloc(version === 1 ? 2 : 4);
    const stated = claimed ?? header.length;
    if (version === 1) length.writeUInt16LE(stated % 65_536);
    else length.writeUInt32LE(stated);
    return Buffer.concat([
      Buffer.from("\x93NUMPY", "latin1"),
      Uint8Array.of(version, 0),
      length,
      header,
      values,
    ]);
  });

/** A list of one or two codes and their counts. */
const smallCounts = fc
  .tuple(fc.nat(5), fc.nat(5), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 }))
  .map(([first, gap, a, b]) => Uint8Array.of(2, first, gap, a, b));

/** Timelines of codes whose checksums are right and whose numbers may be anything. */
export const oddTimeline: fc.Arbitrary<Uint8Array> = fc
  .record({
    codebookSize: fc.oneof(fc.integer({ min: 1, max: 40 }), oddNumber),
    numCodebooks: fc.oneof(fc.constantFrom(1, 1, 2), oddNumber),
    records: fc.array(
      fc.record({
        step: fc.oneof(fc.nat(9), oddNumber),
        samples: fc.oneof(fc.nat(9), oddNumber),
        drift: fc.oneof(fc.double(), fc.constantFrom(0, 0.5, Number.NaN)),
        flags: fc.constantFrom(0, 0, 1, 2, 3, 4),
        plain: fc.oneof(fc.uint8Array({ maxLength: 64 }), smallCounts),
        length: fc.option(fc.oneof(fc.nat(64), fc.integer({ min: 0, max: 2 ** 32 - 1 })), { freq: 8 }),
        zeros: fc.option(fc.constantFrom(40, 100_000), { freq: 2 }),
      }),
      { maxLength: 4 },
    ),
  })
  .map(({ records, ...shape }) => {
    const json = text({ format: "vqkit-code-timeline", ...shape });
    const fixed = Buffer.alloc(20);
    fixed.set(Buffer.from("\x89VQT\r\n\x1a\n", "latin1"));
    for (const [i, value] of [1, json.length, crc32(json)].entries()) fixed.writeUInt32LE(value, 8 + 4 * i);
    return Buffer.concat([fixed, json, ...records.map(timelineRecord)]);
  });

function timelineRecord(record: {
  readonly step: number;
  readonly samples: number;
  readonly drift: number;
  readonly flags: number;
  readonly plain: Uint8Array;
  readonly length: number | null;
  readonly zeros: number | null;
}): Buffer {
  const plain = Buffer.concat([record.plain, Buffer.alloc(record.zeros ?? 0)]);
  const packed = deflateRawSync(plain);
  const head = Buffer.alloc(40);
  head.writeUInt32LE(packed.length, 0);
  head.writeUInt32LE(record.length ?? plain.length, 4);
  const unsigned = (value: number) => BigInt.asUintN(64, BigInt(Math.trunc(Math.min(value, 2 ** 63))));
  head.writeBigUInt64LE(unsigned(record.step), 8);
  head.writeBigUInt64LE(unsigned(record.samples), 16);
  head.writeDoubleLE(record.drift, 24);
  head.writeUInt32LE(record.flags, 32);
  head.writeUInt32LE(crc32(Buffer.concat([head.subarray(0, 36), packed])), 36);
  return Buffer.concat([head, packed]);
}

/** YAML with anchors, aliases, tags, merges and odd keys. */
export const oddYaml: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        "steps: 3",
        "quantizer: { kind: fsq, levels: [8, 5] }",
        "a: &a [x, x, x, x, x, x, x, x, x]",
        "b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]",
        "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]",
        "d: [*c, *c, *c, *c, *c, *c, *c, *c, *c]",
        "loop: &l [*l]",
        "__proto__: { polluted: true }",
        "? { a: 1 } : 2",
        "<<: { steps: 4 }",
        "e: !!js/function 'function () {}'",
        "f: !!binary aGVsbG8=",
        "%YAML 1.1\n---",
        `g: ${"[".repeat(3000)}`,
        `h: ${"[".repeat(200)}${"]".repeat(200)}`,
        "i: 0x7fffffffffffffffffff",
        "j: |\n  text",
        "quantizerModules: [./code.js]",
      ),
      anyJson.map((value) => JSON.stringify(value)),
      fc.string({ maxLength: 12 }),
    ),
    { maxLength: 8 },
  )
  .map((lines) => Buffer.from(lines.join("\n")));

/** A tar file's 512 bytes of header with a right checksum, and some content. */
export const oddTar: fc.Arbitrary<Uint8Array> = fc
  .array(
    fc.record({
      name: fc.constantFrom(
        "000000000.json",
        "000000000.npy",
        "a.png",
        "../../a.png",
        "/etc/a.png",
        "a\u001b[2J.png",
      ),
      type: fc.constantFrom("0", "1", "2", "5", "x", "g", "L", "K", "S", "7", "\0"),
      size: fc.oneof(
        fc.nat(600).map((size) => size.toString(8)),
        fc.constantFrom("77777777777", "-1", "zz", "", "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
      ),
      content: fc.oneof(
        fc.uint8Array({ maxLength: 600 }),
        fc
          .constantFrom(
            "30 size=99999999999999\n",
            "99999999 path=a.png\n",
            "20 path=../../x.png\n",
            "0 a=b\n",
          )
          .map((pax) => Uint8Array.from(Buffer.from(pax))),
      ),
    }),
    { maxLength: 4 },
  )
  .map((entries) => Buffer.concat([...entries.flatMap(tarEntry), new Uint8Array(1024)]));

function tarEntry({
  name,
  type,
  size,
  content,
}: {
  readonly name: string;
  readonly type: string;
  readonly size: string;
  readonly content: Uint8Array;
}): Uint8Array[] {
  const header = Buffer.alloc(512);
  header.write(name, 0, "utf8");
  header.write("0000644\0", 100);
  header.write(size, 124, 12, "latin1");
  header.write("00000000000\0", 136);
  header.write("        ", 148);
  header.write(type, 156, "latin1");
  header.write("ustar\0" + "00", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return [header, content, new Uint8Array((512 - (content.length % 512)) % 512)];
}
