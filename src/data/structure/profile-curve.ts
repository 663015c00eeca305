import { sharp } from "../../core/sharp.js";

const SHORT = 3;
const LONG = 4;
const UNDEFINED = 7;

/**
 * What a colour profile makes of neutral colours: the sRGB of the 256 greys from black to white, [256, 3]. A profile that
 * cannot be applied (a damaged one, or one for other colours) changes nothing, as in 8-bit files.
 *
 * @param channels 1 for a grey profile, 3 for one for RGB
 */
export async function neutralCurve(profile: Uint8Array, channels: 1 | 3): Promise<Uint8Array> {
  const samples = Uint8Array.from({ length: 256 * channels }, (_, i) => Math.floor(i / channels));
  const file = stripFile(samples, channels, profile);
  return sharp(file).toColourspace("srgb").raw({ depth: "uchar" }).toBuffer();
}

/**
 * Whether 8 bits are too few for samples with this RGB profile: somewhere two neighbouring bytes are more than two steps
 * of sRGB apart. Linear light is so in the shadows: its first step above black is sRGB's 13th.
 */
export async function needsMoreThanBytes(profile: Uint8Array): Promise<boolean> {
  const curve = await neutralCurve(profile, 3);
  return curve.some((value, i) => i >= 3 && value - (curve[i - 3] as number) > 2);
}

/** A TIFF of one row of pixels with a colour profile, which sharp has no other way to be given. */
function stripFile(samples: Uint8Array, channels: 1 | 3, profile: Uint8Array): Buffer {
  const entries = 11;
  const data = 8 + 2 + 12 * entries + 4;
  const depths = data + samples.length;
  const tags: readonly [tag: number, type: number, count: number, value: number][] = [
    [256, LONG, 1, samples.length / channels], // ImageWidth
    [257, LONG, 1, 1], // ImageLength
    channels === 1 ? [258, SHORT, 1, 8] : [258, SHORT, 3, depths], // BitsPerSample
    [259, SHORT, 1, 1], // Compression: none
    [262, SHORT, 1, channels === 1 ? 1 : 2], // PhotometricInterpretation: black is zero, or RGB
    [273, LONG, 1, data], // StripOffsets
    [277, SHORT, 1, channels], // SamplesPerPixel
    [278, LONG, 1, 1], // RowsPerStrip
    [279, LONG, 1, samples.length], // StripByteCounts
    [284, SHORT, 1, 1], // PlanarConfiguration: sample by sample
    [34675, UNDEFINED, profile.length, depths + 6], // ICCProfile
  ];
  const head = Buffer.alloc(data);
  head.write("II*\0", "latin1");
  head.writeUInt32LE(8, 4);
  head.writeUInt16LE(entries, 8);
  for (const [i, [tag, type, count, value]] of tags.entries()) {
    const at = 10 + 12 * i;
    head.writeUInt16LE(tag, at);
    head.writeUInt16LE(type, at + 2);
    head.writeUInt32LE(count, at + 4);
    head.writeUInt32LE(value, at + 8); // a short stands in the first two bytes
  }
  return Buffer.concat([head, samples, Buffer.from([8, 0, 8, 0, 8, 0]), profile]);
}
