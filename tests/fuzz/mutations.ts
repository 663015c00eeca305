import fc from "fast-check";

/** One change of a file's bytes; positions are fractions of its length, so that they suit any file. */
type Edit =
  | { readonly kind: "flip"; readonly at: number; readonly bit: number }
  | { readonly kind: "set"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "insert"; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: "remove"; readonly at: number; readonly length: number }
  | { readonly kind: "copy"; readonly at: number; readonly from: number; readonly length: number }
  | { readonly kind: "cut"; readonly at: number };

// Not fc.double, most of whose values are next to 0.
const at = fc.integer({ min: 0, max: 2 ** 24 - 1 }).map((place) => place / 2 ** 24);

/** What parsers trip over: largest and smallest numbers of every width, and the signs of each format's grammar. */
const interesting = fc.constantFrom(
  ...[
    "00",
    "ff",
    "7f",
    "80",
    "ffff",
    "ffffffff",
    "ffffff7f",
    "00000080",
    "ffffffffffffff7f",
    "00000000ffffffff",
  ].map((text) => Uint8Array.from(Buffer.from(text, "hex"))),
  ...[
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "-",
    "\n",
    "\0",
    "9999999999",
    "1e999",
    "null",
    '"__proto__":',
    "..",
    "&a *a",
  ].map((text) => Uint8Array.from(Buffer.from(text))),
);
const bytes = fc.oneof(interesting, fc.uint8Array({ minLength: 1, maxLength: 12 }));
const length = fc.integer({ min: 1, max: 64 });

const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("flip" as const), at, bit: fc.nat(7) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("set" as const), at, bytes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("insert" as const), at, bytes }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("remove" as const), at, length }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("copy" as const), at, from: at, length }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), at }) },
);

/** One of these files with one to six changes; few, so that much of it is read before one is met. */
export function mutationsOf(files: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  return fc
    .record({ file: fc.constantFrom(...files), edits: fc.array(edit, { minLength: 1, maxLength: 6 }) })
    .map(({ file, edits }) => edits.reduce(apply, file));
}

function apply(file: Uint8Array, change: Edit): Uint8Array {
  const place = Math.floor(change.at * file.length);
  const before = file.subarray(0, place);
  switch (change.kind) {
    case "flip": {
      const copy = Uint8Array.from(file);
      if (copy.length > 0) copy[place] = (copy[place] as number) ^ (1 << change.bit);
      return copy;
    }
    case "set":
      return Buffer.concat([before, change.bytes, file.subarray(place + change.bytes.length)]);
    case "insert":
      return Buffer.concat([before, change.bytes, file.subarray(place)]);
    case "remove":
      return Buffer.concat([before, file.subarray(place + change.length)]);
    case "copy": {
      const from = Math.floor(change.from * file.length);
      return Buffer.concat([before, file.subarray(from, from + change.length), file.subarray(place)]);
    }
    case "cut":
      return Uint8Array.from(before);
    default:
      return change satisfies never;
  }
}
