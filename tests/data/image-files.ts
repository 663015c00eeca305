/** Image files that sharp cannot write, put together from their formats' definitions. */

export interface TiffOptions {
  readonly height: number;
  readonly width: number;
  /** Samples a pixel. */
  readonly channels: number;
  /** PhotometricInterpretation: 1 grey, 2 RGB, 5 CMYK. */
  readonly photometric: number;
  /** ExtraSamples; where absent, so is the tag. */
  readonly extra?: readonly number[];
  readonly bigEndian?: boolean;
  /** BigTIFF, with offsets of 8 bytes. */
  readonly big?: boolean;
  readonly profile?: Uint8Array;
}

/** An uncompressed TIFF of one strip; `Uint16Array` makes 16 bits a sample. */
export function tiffFile(samples: Uint8Array | Uint16Array, options: TiffOptions): Buffer {
  const { height, width, channels, photometric, extra, bigEndian = false, big = false, profile } = options;
  const u16 = (value: number): Buffer => {
    const bytes = Buffer.alloc(2);
    if (bigEndian) bytes.writeUInt16BE(value);
    else bytes.writeUInt16LE(value);
    return bytes;
  };
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    if (bigEndian) bytes.writeUInt32BE(value);
    else bytes.writeUInt32LE(value);
    return bytes;
  };
  const wide = (value: number): Buffer =>
    big ? Buffer.concat(bigEndian ? [u32(0), u32(value)] : [u32(value), u32(0)]) : u32(value);
  const bits = samples.BYTES_PER_ELEMENT * 8;
  const data = Buffer.concat(bits === 8 ? [samples as Uint8Array] : Array.from(samples, u16));
  const shorts = (values: readonly number[]): [number, number, Buffer] => [
    3,
    values.length,
    Buffer.concat(values.map(u16)),
  ];
  const long = (value: number): [number, number, Buffer] => [4, 1, u32(value)];
  const head = big ? 16 : 8;
  const tags: [tag: number, type: number, count: number, value: Buffer][] = [
    [256, ...long(width)],
    [257, ...long(height)],
    [258, ...shorts(Array(channels).fill(bits))],
    [259, ...shorts([1])],
    [262, ...shorts([photometric])],
    [273, ...long(head)],
    [277, ...shorts([channels])],
    [278, ...long(height)],
    [279, ...long(data.length)],
    [284, ...shorts([1])],
    ...(extra === undefined ? [] : ([[338, ...shorts(extra)]] as [number, number, number, Buffer][])),
    ...(profile === undefined
      ? []
      : ([[34675, 7, profile.length, Buffer.from(profile)]] as [number, number, number, Buffer][])),
  ];
  const directory = head + data.length + (data.length % 2);
  const inline = big ? 8 : 4;
  let after = directory + (big ? 8 : 2) + tags.length * (big ? 20 : 12) + (big ? 8 : 4);
  const values: Buffer[] = [];
  const entries = tags.map(([tag, type, count, value]) => {
    const place =
      value.length <= inline ? Buffer.concat([value, Buffer.alloc(inline)]).subarray(0, inline) : wide(after);
    if (value.length > inline) {
      values.push(value);
      after += value.length;
    }
    return Buffer.concat([u16(tag), u16(type), wide(count), place]);
  });
  const order = Buffer.from(bigEndian ? "MM" : "II");
  const start = big ? [order, u16(43), u16(8), u16(0), wide(directory)] : [order, u16(42), u32(directory)];
  const counted = big ? wide(tags.length) : u16(tags.length);
  return Buffer.concat([
    ...start,
    data,
    Buffer.alloc(data.length % 2),
    counted,
    ...entries,
    wide(0),
    ...values,
  ]);
}

/** A number as ICC's s15Fixed16. */
function fixed(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(Math.round(value * 65_536));
  return bytes;
}

/** An ICC profile (version 2) for grey, or for RGB with the primaries of sRGB, whose samples are light ^ (1 / gamma). */
export function iccProfile(space: "GRAY" | "RGB ", gamma: number): Buffer {
  const text = (type: string, rest: Buffer): Buffer => {
    const bytes = Buffer.concat([Buffer.from(`${type}\0\0\0\0`, "latin1"), rest]);
    return Buffer.concat([bytes, Buffer.alloc((4 - (bytes.length % 4)) % 4)]);
  };
  const xyz = (...values: number[]): Buffer => text("XYZ ", Buffer.concat(values.map(fixed)));
  const curve = Buffer.from([0, 0, 0, 1, Math.floor(gamma), Math.round((gamma % 1) * 256)]);
  const description = Buffer.concat([Buffer.from([0, 0, 0, 2]), Buffer.from("x\0"), Buffer.alloc(78)]);
  const white = xyz(0.9642, 1, 0.8249); // D50
  const tags: [string, Buffer][] = [
    ["desc", text("desc", description)],
    ["wtpt", white],
    ["cprt", text("text", Buffer.from("x\0"))],
  ];
  if (space === "GRAY") tags.push(["kTRC", text("curv", curve)]);
  else {
    tags.push(["rXYZ", xyz(0.4361, 0.2225, 0.0139)]);
    tags.push(["gXYZ", xyz(0.3851, 0.7169, 0.0971)]);
    tags.push(["bXYZ", xyz(0.1431, 0.0606, 0.7141)]);
    for (const name of ["rTRC", "gTRC", "bTRC"]) tags.push([name, text("curv", curve)]);
  }
  const u32 = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(value);
    return bytes;
  };
  let at = 128 + 4 + 12 * tags.length;
  const table = tags.map(([name, { length }]) => {
    const entry = Buffer.concat([Buffer.from(name), u32(at), u32(length)]);
    at += length;
    return entry;
  });
  const head = Buffer.alloc(128);
  head.writeUInt32BE(at);
  head.write(`lcms\x02\x10\0\0mntr${space}XYZ `, 4, "latin1");
  head.write("acsp", 36, "latin1");
  white.copy(head, 68, 8);
  return Buffer.concat([head, u32(tags.length), ...table, ...tags.map(([, value]) => value)]);
}

export interface GifOptions {
  readonly canvas: { readonly height: number; readonly width: number };
  readonly frame: {
    readonly top: number;
    readonly left: number;
    readonly height: number;
    readonly width: number;
  };
  /** The index that is transparent; default none. */
  readonly transparent?: number;
  /** An extension before the frame; default none. */
  readonly comment?: string;
}

/** Red, green, blue and yellow, by index. */
export const GIF_COLOURS = [
  [200, 10, 20],
  [30, 190, 40],
  [50, 60, 180],
  [210, 220, 70],
] as const;

/** A GIF of one frame over four colours. LZW codes of 3 bits, cleared before each pair of pixels, compress nothing. */
export function gifFile(indices: readonly number[], options: GifOptions): Buffer {
  const { canvas, frame, transparent, comment } = options;
  const u16 = (...values: number[]): Buffer =>
    Buffer.from(values.flatMap((value) => [value & 255, value >> 8]));
  const [clear, end] = [4, 5];
  const codes = indices.flatMap((index, i) => (i % 2 === 0 ? [clear, index] : [index]));
  const bits = [...codes, end].flatMap((code) => [code & 1, (code >> 1) & 1, (code >> 2) & 1]);
  const data = Buffer.from(
    Array.from({ length: Math.ceil(bits.length / 8) }, (_, i) =>
      bits.slice(8 * i, 8 * i + 8).reduce((byte, bit, place) => byte | (bit << place), 0),
    ),
  );
  const blocks: Buffer[] = [];
  for (let at = 0; at < data.length; at += 255) {
    const block = data.subarray(at, at + 255);
    blocks.push(Buffer.from([block.length]), block);
  }
  const extensions = [
    ...(comment === undefined
      ? []
      : [Buffer.from([0x21, 0xfe, comment.length]), Buffer.from(comment), Buffer.from([0])]),
    ...(transparent === undefined ? [] : [Buffer.from([0x21, 0xf9, 4, 1, 0, 0, transparent, 0])]),
  ];
  return Buffer.concat([
    Buffer.from("GIF89a"),
    u16(canvas.width, canvas.height),
    Buffer.from([0x81, 0, 0]), // a table of 4 colours
    Buffer.from(GIF_COLOURS.flat()),
    ...extensions,
    Buffer.from([0x2c]),
    u16(frame.left, frame.top, frame.width, frame.height),
    Buffer.from([0, 2]),
    ...blocks,
    Buffer.from([0, 0x3b]),
  ]);
}
